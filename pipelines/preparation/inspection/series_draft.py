"""A series while it is looked at: what the cells of its table mean as times and numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.config.errors import UserError
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.data_report.labels import MISSING
from pipelines.preparation.inspection import numbers, series_columns, times
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.table import Table

PART_FORMATS = dict(zip(series_columns.PARTS, ("%Y", "%m", "%d", "%H", "%M"), strict=True))


@dataclass
class Draft:
    """What is known of the series so far. convert: why no recipe reads the file as it is."""

    table: Table
    time: list[str]
    answers: Answers
    reasons: list[str]
    convert: list[str]
    clock: times.TimeFormat | None = None
    form: numbers.NumberFormat = numbers.NumberFormat()
    frame: pd.DataFrame | None = None
    missing: set[str] = field(default_factory=lambda: {""})
    report: list[Finding] = field(default_factory=list)

    def ask(self, key: str, message: str, readings: Sequence[Reading], line=None) -> str:
        return self.answers.settle(Question(key, message, readings, self.table.path, line))


def read_times(draft: Draft) -> None:
    """The format of the times, which all fit."""
    cells = [" ".join(row) for row in zip(*map(draft.table.column, draft.time), strict=True)]
    filled = [n for n, cell in enumerate(cells) if cell.strip()]
    if len(filled) < len(cells):
        draft.convert.append(f"{len(cells) - len(filled)} rows without a time are left out")
        draft.table, cells = draft.table.take(filled), [cells[n] for n in filled]
    if draft.time[0].casefold() in PART_FORMATS and len(draft.time) > 1:
        form = " ".join(PART_FORMATS[name.casefold()] for name in draft.time)
        parsed = pd.DatetimeIndex([times.parse(cell, form) for cell in cells])
        clock = times.TimeFormat(form, parsed, "the columns are named so")
    else:
        clock = times.time_format(
            cells, draft.table.lines, " ".join(draft.time), draft.table.path, draft.answers
        )
    if len(clock.times) != len(cells) or clock.times.hasnans:
        message = f"column {draft.time[0]!r} has cells that no one time format fits; give it"
        raise UserError("time-unreadable", message, path=draft.table.path, key="--time-format")
    shown = clock.format or "ISO 8601"
    draft.reasons.append(f"time: {' + '.join(draft.time)}, {shown}: {clock.reason}")
    if clock.format in times.UNREADABLE:
        draft.convert.append(f"no recipe reads times of the kind {clock.format}")
    draft.clock = clock


def read_values(draft: Draft, names: Sequence[str]) -> None:
    """The numbers of the columns, by decimal mark and thousands separator."""
    table = draft.table
    columns: dict[str, list] = {name: [] for name in names}
    odd: dict[str, int] = {}
    for name in names:
        for cell, line in zip(table.column(name), table.lines, strict=True):
            if numbers.is_number(cell):
                columns[name].append((cell, line))
            else:
                odd.setdefault(cell, line)
    form = numbers.number_format(columns, table.delimiter, table.path, draft.answers)
    strange = {cell: line for cell, line in odd.items() if cell.casefold() not in MISSING}
    if strange:
        cell, line = next(iter(strange.items()))
        readings = [Reading("missing", f"{', '.join(map(repr, strange))} mean that there is none")]
        draft.ask("not-numbers", f"{cell!r} is no number", readings, line)
    draft.reasons.append(f"decimal mark {form.decimal!r}: {form.reason}")
    for holds, why in (
        (form.thousands, f"thousands separators ({form.thousands!r}) are taken out"),
        (not table.has_header, "columns get names, as the file has no header"),
        (not table.quoting, "quotes in cells are text"),
    ):
        if holds:
            draft.convert.append(why)
    values = {n: [_value(cell, form) for cell in table.column(n)] for n in names}
    draft.form, draft.frame = form, pd.DataFrame(values, index=draft.clock.times)
    draft.missing |= set(odd)


def _value(cell: str, form: numbers.NumberFormat) -> float:
    return float(form.plain(cell)) if numbers.is_number(cell) else np.nan
