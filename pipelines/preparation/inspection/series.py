"""A table as a time series: which column is time, which are values, and what must be put right."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.config.errors import UserError, one_of
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.data_report.labels import MISSING
from pipelines.preparation.inspection import numbers, steps, times
from pipelines.preparation.inspection.columns import Column
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.table import Table

PARTS = ("year", "month", "day", "hour", "minute")
PART_FORMATS = ("%Y", "%m", "%d", "%H", "%M")
UNIT = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$")
MOST_COLUMNS = 12
MOSTLY_MISSING = 0.2


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


def time_columns(table: Table, profile: Sequence[Column], answers: Answers) -> list[str]:
    """The columns that give the time; none where there are none."""
    given = answers.column("time", table.path, table.names)
    if given:
        return [given]
    names = [column.name for column in profile if column.kind == "time"]
    if len(names) > 1:
        rising = [name for name in names if _rises(table.column(name), name)]
        if len(rising) == 1:
            return rising
        readings = [Reading(n, f"begins with {table.column(n)[0]}") for n in names]
        question = Question("time", "several columns hold times", readings, table.path)
        return [answers.settle(question)]
    if names:
        return names
    lower = {name.casefold(): name for name in table.names}
    parts = [lower[part] for part in PARTS if part in lower]
    return parts if len(parts) > 1 and parts[0].casefold() == "year" else []


def _rises(cells: Sequence[str], name: str) -> bool:
    known = [cell for cell in cells if cell]
    forms = times.fitting(known[:200], name)
    parsed = [times.parse(cell, forms[0]) for cell in known] if forms else [None]
    return None not in parsed and all(a <= b for a, b in zip(parsed, parsed[1:], strict=False))


def inspect(table: Table, profile: Sequence[Column], answers: Answers) -> Series:
    """The series in a table.

    Raises:
        UserError: for what is ambiguous, and where no column has numbers.
    """
    time = time_columns(table, profile, answers)
    reasons, convert = list(table.reasons), list(table.convert)
    table = _one_series(table, profile, time, answers, convert)
    joined = [" ".join(row) for row in zip(*map(table.column, time), strict=True)]
    known = [n for n, cell in enumerate(joined) if cell.strip()]
    if len(known) < len(joined):
        convert.append(f"{len(joined) - len(known)} rows without a time are left out")
        table = _take(table, known)
        joined = [joined[n] for n in known]
    if len(time) > 1:
        form = " ".join(PART_FORMATS[PARTS.index(name.casefold())] for name in time)
        index = pd.DatetimeIndex([times.parse(cell, form) for cell in joined])
        clock = times.TimeFormat(form, index, "the columns are named so")
    else:
        clock = times.time_format(joined, table.lines, time[0], table.path, answers)
    if len(clock.times) != len(joined) or clock.times.hasnans:
        message = f"column {time[0]!r} holds cells that no time format fits; see --time-format"
        raise UserError("time-unreadable", message, path=table.path, key="--time-format")
    shown = clock.format or "ISO 8601"
    reasons.append(f"time: {' + '.join(time)}, {shown}: {clock.reason}")
    if clock.format in times.EPOCHS:
        convert.append("no recipe reads seconds since 1970")
    names = value_columns(table, profile, time, answers, reasons)
    return _series(table, time, clock, names, answers, reasons, convert)


def _one_series(table, profile, time, answers, convert) -> Table:
    """Rows of one series, where a file holds one below the other."""
    joined = list(zip(*map(table.column, time), strict=True))
    if len(set(joined)) > 0.7 * len(joined):
        return table
    for column in profile:
        cells = table.column(column.name)
        if column.kind == "category" and len(set(zip(joined, cells, strict=True))) == len(joined):
            counts = Counter(cells)
            readings = [Reading(name, f"{count} rows") for name, count in counts.most_common(8)]
            message = f"column {column.name!r} tells {len(counts)} series apart; one is read"
            answer = answers.settle(Question("series", message, readings, table.path))
            convert.append(f"the rows with {column.name} {answer!r} alone")
            return _take(table, [n for n, cell in enumerate(cells) if cell == answer])
    return table


def _take(table: Table, rows: Sequence[int]) -> Table:
    return Table(
        table.path, table.names, [table.rows[n] for n in rows], [table.lines[n] for n in rows],
        table.has_header, table.encoding, table.delimiter, table.quoting, table.convert,
        table.reasons,
    )  # fmt: skip


def value_columns(
    table: Table, profile: Sequence[Column], time: Sequence[str], answers: Answers,
    reasons: list[str],
) -> list[str]:  # fmt: skip
    """The columns to forecast."""
    given = answers.get("values")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        for name in names:
            if name not in table.names:
                message = f"no column {name!r}; {one_of(name, table.names)}"
                raise UserError(
                    "column-missing", message, path=table.path, key="--values", value=name
                )
        return names
    names, left_out = [], []
    for column in profile:
        if column.name in time:
            continue
        if column.kind != "number" or column.name.casefold() in PARTS:
            left_out.append(f"{column.name} ({column.kind})")
        elif _counts_rows(table.column(column.name)):
            left_out.append(f"{column.name} (counts the rows)")
        else:
            names.append(column.name)
    if not names:
        message = "no column of numbers beside the time; name one with --values"
        raise UserError("values-missing", message, path=table.path, key="--values")
    if len(names) > MOST_COLUMNS:
        readings = [
            Reading(names[0], "the first column alone"), Reading(",".join(names), "all of them")
        ]  # fmt: skip
        message = f"{len(names)} columns of numbers: which are to be forecast"
        names = answers.settle(Question("values", message, readings, table.path)).split(",")
    reasons.append(f"values: {', '.join(names)}: columns of numbers")
    if left_out:
        reasons.append(f"left out: {', '.join(left_out)}")
    return names


def _counts_rows(cells: Sequence[str]) -> bool:
    if not all(cell.isdigit() for cell in cells):
        return False
    counts = np.array(cells, np.float64)
    return bool((np.diff(counts) == 1).all())


def _series(table, time, clock, names, answers, reasons, convert) -> Series:
    columns: dict[str, list] = {name: [] for name in names}
    odd: dict[str, int] = {}
    for name in names:
        for cell, line in zip(table.column(name), table.lines, strict=True):
            if numbers.is_number(cell):
                columns[name].append((cell, line))
            else:
                odd.setdefault(cell, line)
    form = numbers.number_format(columns, table.delimiter, table.path, answers)
    strange = {cell: line for cell, line in odd.items() if cell.casefold() not in MISSING}
    if strange:
        cell, line = next(iter(strange.items()))
        readings = [Reading("missing", f"{', '.join(map(repr, strange))} mean that there is none")]
        message = f"{cell!r} is no number"
        answers.settle(Question("not-numbers", message, readings, table.path, line))
    reasons.append(f"decimal mark {form.decimal!r}: {form.reason}")
    if form.thousands:
        convert.append(f"thousands separators ({form.thousands!r}) are taken out")
    if not table.has_header:
        convert.append("columns get names, as the file has no header")
    if not table.quoting:
        convert.append("quotes in cells are text")
    frame = pd.DataFrame(
        {n: [_value(cell, form) for cell in table.column(n)] for n in names}, index=clock.times
    )
    return _clean(
        table, time, clock, form, frame, set(odd) | {""}, answers, reasons, convert
    )  # fmt: skip


def _value(cell: str, form: numbers.NumberFormat) -> float:
    return float(form.plain(cell)) if numbers.is_number(cell) else np.nan


def _clean(table, time, clock, form, frame, missing, answers, reasons, convert) -> Series:
    """Sentinels, order, repeated times, the grid and gaps."""
    for name in frame:
        for code in series_report.sentinels(frame[name].to_numpy()):
            at = (frame[name] == code).to_numpy()
            cells = {cell for cell, hit in zip(table.column(name), at, strict=True) if hit}
            missing |= cells
            reasons.append(f"{name}: {code:g} occurs {at.sum()} times, read as no value")
    for name in frame:
        frame.loc[[cell in missing for cell in table.column(name)], name] = np.nan
    places = [f"line {line}" for line in table.lines]
    if not frame.index.is_monotonic_increasing:
        order = np.argsort(frame.index, kind="stable")
        frame, places = frame.iloc[order], [places[n] for n in order]
        convert.append("rows are put in the order of time")
    report = series_report.report(
        frame.index, frame.to_numpy(), [str(name) for name in frame], places
    )
    again = frame.index.duplicated()
    if again.any():
        frame = _one_row_a_time(table, frame, places, answers)
        convert.append(f"{again.sum()} rows of times that occur twice are merged")
    step = steps.step(frame.index, table.path, answers)
    if step.resample:
        frame = frame.resample(step.frequency).mean()
        convert.append(f"rows are averaged to one each {step.frequency}")
    elif step.snap:
        frame.index = steps.snap(frame.index, step.frequency)
        convert.append("times are moved to the beginning of their period")
    reasons.append(f"frequency {step.frequency}: {step.reason}")
    frame = frame.reindex(pd.date_range(frame.index[0], frame.index[-1], freq=step.frequency))
    return _filled(
        table, time, clock, form, frame, sorted(missing), step, report, answers, reasons, convert
    )  # fmt: skip


def _one_row_a_time(table: Table, frame: pd.DataFrame, places, answers: Answers) -> pd.DataFrame:
    distinct = frame[~frame.reset_index().duplicated().to_numpy()]
    if distinct.index.has_duplicates:
        row = int(frame.index.duplicated().argmax())
        readings = [Reading(how, f"the {how} of them") for how in ("first", "last", "mean")]
        message = f"{places[row]}: {frame.index[row]} occurs twice with different values"
        how = answers.settle(Question("duplicates", message, readings, table.path))
        return getattr(frame.groupby(level=0), how)()
    return distinct


def _filled(
    table, time, clock, form, frame, missing, step, report, answers, reasons, convert
) -> Series:  # fmt: skip
    empty = [n for n in frame if frame[n].isna().mean() > MOSTLY_MISSING]
    constant = [n for n in frame if frame[n].iloc[: int(len(frame) * 0.6)].nunique() < 2]
    for name in dict.fromkeys([*empty, *constant]):
        share = frame[name].isna().mean()
        why = "changes too little" if name not in empty else f"{share:.0%} of its steps are missing"
        reasons.append(f"left out: {name}: {why}")
    frame = frame.drop(columns=dict.fromkeys([*empty, *constant]))
    if not frame.shape[1]:
        message = "no column has enough values; bring more rows, or columns without gaps"
        raise UserError("values-missing", message, path=table.path)
    start = max(int(frame[name].notna().argmax()) for name in frame)
    if start:
        reasons.append(f"begins with step {start + 1}, where all columns have values")
    frame = frame.iloc[start:]
    frame, longest = _without_long_gaps(table, frame, step, answers, reasons)
    windows = steps.windows(step.frequency, len(frame), table.path, answers)
    reasons.append(f"windows: {windows.reason}")
    values = {str(n): (UNIT.search(str(n)) or [None, "units"])[1] for n in frame}
    first = _first_row(clock.times, frame.index[0], convert)
    converted = None
    if convert:
        reasons.append(f"converted: {'; '.join(convert)}")
        stamps = frame.index.strftime("%Y-%m-%dT%H:%M:%S")
        cells = [["" if np.isnan(v) else repr(float(v)) for v in row] for row in frame.to_numpy()]
        body = [[stamp, *row] for stamp, row in zip(stamps, cells, strict=True)]
        name = time[0] if len(time) == 1 else "time"
        converted, time, first = [[name, *values], *body], [name], 1
        clock, missing = times.TimeFormat("", clock.times, ""), [""]
        form = numbers.NumberFormat()
    return Series(
        table, time[0] if len(time) == 1 else time, clock.format, values, step, windows,
        form.decimal, missing, longest, first, len(frame), converted, reasons, report,
    )  # fmt: skip


def _first_row(index: pd.DatetimeIndex, begin: pd.Timestamp, convert: list[str]) -> int:
    """Row of the file, counted from 1, with which the series begins."""
    return 1 if convert else int((index >= begin).argmax()) + 1


def _without_long_gaps(table, frame, step, answers, reasons) -> tuple[pd.DataFrame, int]:
    """The frame, and the longest run of missing values in it."""
    runs = frame.isna().apply(lambda c: c.groupby((~c).cumsum()).cumsum()).to_numpy()
    season = steps.usual_windows(step.frequency)[0]
    longest, limit = int(runs.max()), max(8, season)
    if longest <= limit:
        if longest:
            count = int(frame.isna().to_numpy().sum())
            reasons.append(f"gaps: {count} missing values, {longest} in a row at most: filled")
        return frame, longest
    end = int(np.flatnonzero(runs.max(axis=1) > limit)[-1]) + 1
    readings = [
        Reading("interpolate", f"a straight line over {longest} steps"),
        Reading("after", f"only the {len(frame) - end} steps after the last long gap"),
    ]
    message = (
        f"{longest} values in a row are missing before {frame.index[min(end, len(frame) - 1)]}"
    )
    if answers.settle(Question("gaps", message, readings, Path(table.path))) == "interpolate":
        return frame, longest
    reasons.append(f"begins at {frame.index[end]}, after the last long gap")
    return frame.iloc[end:], limit
