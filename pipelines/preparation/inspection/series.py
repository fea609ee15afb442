"""A table as a time series: what its cells mean, its step, and what must be put right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.config.errors import UserError
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.data_report.labels import MISSING
from pipelines.preparation.inspection import numbers, series_columns, steps, times
from pipelines.preparation.inspection.columns import Column
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.table import Table

PART_FORMATS = dict(zip(series_columns.PARTS, ("%Y", "%m", "%d", "%H", "%M"), strict=True))
UNIT = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$")
MOSTLY_MISSING = 0.2
SHORT_GAP_STEPS = 8  # up to a season, or so many steps, are filled without a question


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


@dataclass
class _Draft:
    """A series while it is looked at. convert: why no recipe reads the file as it is."""

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


def inspect(table: Table, profile: Sequence[Column], answers: Answers) -> Series:
    """The series in a table.

    Raises:
        UserError: for what is ambiguous, and where no column has numbers.
    """
    time = series_columns.time_columns(table, profile, answers)
    draft = _Draft(table, time, answers, list(table.reasons), list(table.convert))
    draft.table = series_columns.one_series(table, profile, time, answers, draft.convert)
    _read_times(draft)
    names = series_columns.value_columns(draft.table, profile, time, answers, draft.reasons)
    _read_values(draft, names)
    _empty_sentinels(draft)
    _order(draft)
    step = _on_grid(draft)
    _leave_out_columns(draft)
    longest = _cut_long_gaps(draft, step)
    return _series(draft, step, longest)


def _read_times(draft: _Draft) -> None:
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


def _read_values(draft: _Draft, names: Sequence[str]) -> None:
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


def _empty_sentinels(draft: _Draft) -> None:
    """Codes for "no value" become missing values."""
    for name in draft.frame:
        cells = draft.table.column(name)
        for code in series_report.sentinels(draft.frame[name].to_numpy()):
            at = (draft.frame[name] == code).to_numpy()
            draft.missing |= {cell for cell, hit in zip(cells, at, strict=True) if hit}
            draft.reasons.append(f"{name}: {code:g} occurs {at.sum()} times, read as no value")


def _order(draft: _Draft) -> None:
    """Rows in the order of time, one row a time."""
    frame, order = draft.frame, np.argsort(draft.frame.index, kind="stable")
    lines = [draft.table.lines[n] for n in order]
    places = [f"line {line}" for line in lines]
    if not frame.index.is_monotonic_increasing:
        draft.convert.append("rows are put in the order of time")
    draft.report = series_report.report(
        frame.index[order], frame.to_numpy()[order], [str(name) for name in frame], places
    )
    for name in frame:
        absent = [cell in draft.missing for cell in draft.table.column(name)]
        frame[name] = frame[name].mask(np.array(absent))
    frame = frame.iloc[order]
    again = frame.index.duplicated()
    line = lines[int(again.argmax())]
    if again.any():
        frame = frame[~frame.reset_index().duplicated().to_numpy()]
        draft.convert.append(f"{again.sum()} rows of times that occur twice are merged")
    if frame.index.has_duplicates:
        readings = [Reading(how, f"the {how} of them") for how in ("first", "last", "mean")]
        time = frame.index[frame.index.duplicated()][0]
        message = f"{time} occurs twice with different values (clocks that go back?)"
        how = draft.ask("duplicates", message, readings, line)
        frame = getattr(frame.groupby(level=0), how)()
    draft.frame = frame


def _on_grid(draft: _Draft) -> steps.Step:
    """Times without a hole; rows are NaN where there was one."""
    frame = draft.frame
    step = steps.step(frame.index, draft.table.path, draft.answers)
    if step.resample:
        frame = frame.resample(step.frequency).mean()
        draft.convert.append(f"rows are averaged to one each {step.frequency}")
    elif step.snap:
        frame.index = steps.snap(frame.index, step.frequency)
        draft.convert.append("times are moved to the beginning of their period")
    draft.reasons.append(f"frequency {step.frequency}: {step.reason}")
    grid = pd.date_range(frame.index[0], frame.index[-1], freq=step.frequency)
    draft.frame = frame.reindex(grid)
    return step


def _leave_out_columns(draft: _Draft) -> None:
    """Columns that are mostly missing or that do not change; then the steps before all begin."""
    frame = draft.frame
    for name in list(frame):
        share = frame[name].isna().mean()
        if share > MOSTLY_MISSING:
            draft.reasons.append(f"left out: {name}: {share:.0%} of its steps are missing")
        elif frame[name].iloc[: int(len(frame) * 0.6)].nunique() < 2:
            draft.reasons.append(f"left out: {name}: it does not change in train")
        else:
            continue
        frame = frame.drop(columns=name)
    if not frame.shape[1]:
        message = "no column has enough values; bring more rows, or columns without gaps"
        raise UserError("values-missing", message, path=draft.table.path)
    start = max(int(frame[name].notna().argmax()) for name in frame)
    if start:
        draft.reasons.append(f"begins with step {start + 1}, where all columns have values")
    draft.frame = frame.iloc[start:]


def _cut_long_gaps(draft: _Draft, step: steps.Step) -> int:
    """The longest run of missing values that is left to be filled."""
    frame = draft.frame
    runs = frame.isna().apply(lambda c: c.groupby((~c).cumsum()).cumsum()).to_numpy()
    limit = max(SHORT_GAP_STEPS, steps.usual_windows(step.frequency)[0])
    longest = int(runs.max())
    if 0 < longest <= limit:
        count = int(frame.isna().to_numpy().sum())
        draft.reasons.append(
            f"gaps: {count} missing values, {longest} in a row at most: filled by a straight line"
        )
    if longest <= limit:
        return longest
    end = int(np.flatnonzero(runs.max(axis=1) > limit)[-1]) + 1
    readings = [
        Reading("interpolate", f"a straight line over {longest} steps"),
        Reading("after", f"only the {len(frame) - end} steps after the last long gap"),
    ]
    last = frame.index[min(end, len(frame)) - 1]
    message = f"{longest} values in a row are missing, in a gap that ends at {last}"
    if draft.ask("gaps", message, readings) == "interpolate":
        return longest
    draft.reasons.append(f"begins after {last}, the end of the last long gap")
    draft.frame = frame.iloc[end:]
    return int(runs[end:].max())


def _unit(name: str, units: dict[str, str]) -> str:
    """From the row of units, or from brackets at the end of the column's name."""
    in_brackets = UNIT.search(name)
    return units.get(name) or (in_brackets[1] if in_brackets else "units")


def _series(draft: _Draft, step: steps.Step, longest: int) -> Series:
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
