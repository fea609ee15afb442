"""A table as a time series: what its cells mean, its step, and what must be put right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.inspection import (
    series_columns,
    series_draft,
    series_repairs,
    steps,
)
from pipelines.preparation.inspection.columns import Column
from pipelines.preparation.inspection.questions import Answers
from pipelines.preparation.inspection.series_draft import Draft
from pipelines.preparation.inspection.table import Table

UNIT = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$")


@dataclass
class Series:
    """A series that a recipe can read.

    time: the column, or several that are joined. time_format: "" for ISO 8601. values: unit by
    column. missing: cells that mean no value. first_row: counted from 1. converted: header and
    rows to read in place of the file; None where the file is read as it is.
    """

    table: Table
    time: str | list[str]
    time_format: str
    values: dict[str, str]
    step: steps.Step
    windows: steps.Windows
    decimal: str
    missing: list[str]
    longest_gap: int
    first_row: int
    rows: int
    converted: list[list[str]] | None
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def inspect(table: Table, profile: Sequence[Column], answers: Answers) -> Series:
    """The series in a table.

    Raises:
        UserError: for what is ambiguous, and where no column has numbers.
    """
    time = series_columns.time_columns(table, profile, answers)
    draft = Draft(table, time, answers, list(table.reasons), list(table.convert))
    draft.table = series_columns.one_series(table, profile, time, answers, draft.convert)
    series_draft.read_times(draft)
    names = series_columns.value_columns(draft.table, profile, time, answers, draft.reasons)
    series_draft.read_values(draft, names)
    series_repairs.empty_sentinels(draft)
    series_repairs.put_in_order(draft)
    step = series_repairs.put_on_grid(draft)
    series_repairs.leave_out_columns(draft)
    longest = series_repairs.cut_long_gaps(draft, step)
    return _series(draft, step, longest)


def _unit(name: str, units: dict[str, str]) -> str:
    """From the row of units, or from brackets at the end of the column's name."""
    in_brackets = UNIT.search(name)
    return units.get(name) or (in_brackets[1] if in_brackets else "units")


def _series(draft: Draft, step: steps.Step, longest: int) -> Series:
    frame = draft.frame
    windows = steps.windows(step.frequency, len(frame), draft.table.path, draft.answers)
    draft.reasons.append(f"windows: {windows.reason}")
    values = {str(name): _unit(str(name), draft.table.units) for name in frame}
    time = draft.time[0] if len(draft.time) == 1 else draft.time
    read = {"time": time, "time_format": draft.clock.format, "decimal": draft.form.decimal}
    first_row, converted = int((draft.clock.times >= frame.index[0]).argmax()) + 1, None
    missing = sorted(draft.missing)
    if draft.convert:
        draft.reasons.append(f"converted: {'; '.join(draft.convert)}")
        stamps = frame.index.strftime("%Y-%m-%dT%H:%M:%S")
        cells = [["" if np.isnan(v) else repr(float(v)) for v in row] for row in frame.to_numpy()]
        name = time if isinstance(time, str) else "time"
        body = [[stamp, *row] for stamp, row in zip(stamps, cells, strict=True)]
        converted, first_row, missing = [[name, *values], *body], 1, [""]
        read = {"time": name, "time_format": "", "decimal": "."}
    return Series(
        draft.table, values=values, step=step, windows=windows, missing=missing,
        longest_gap=longest, first_row=first_row, rows=len(frame), converted=converted,
        reasons=draft.reasons, report=draft.report, **read,
    )  # fmt: skip
