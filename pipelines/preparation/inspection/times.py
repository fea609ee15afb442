"""Times as people write them: which formats fit a column, and whether days or months come first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pandas as pd

from pipelines.preparation.inspection.questions import Answers, Question, Reading

ISO = ""  # the format that a recipe reads without being given one
SAMPLE = 300
DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d %b %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%b-%d-%Y", "%Y-%b-%d"),
)
CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M"),
    *(", %H:%M", " %H.%M.%S"),
)
CLOCK = re.compile(r"\d{1,2}(:\d\d(:\d\d(\.\d+)?)?|\.\d\d\.\d\d)( ?[AaPp][Mm])?")
PERIODS = (
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%Y %b", "%Y-%b"),
    *("%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%YM%m"),
)
FORMATS = (ISO, *(date + clock for date, clock in product(DATES, CLOCKS)), *PERIODS)
# Seconds or milliseconds since 1970: no format of strptime.
EPOCHS = {"epoch seconds": (10, 1), "epoch milliseconds": (13, 1000)}
QUARTERS = "year and quarter"
QUARTER = re.compile(r"(\d{4})[- ]?Q([1-4])")
UNREADABLE = {*EPOCHS, QUARTERS}  # formats that no recipe reads
YEARS = range(1700, 2200)
YEAR_NAMES = re.compile(r"year|jahr|ann[ée]e|a[ñn]o|anno|date|time|yr", re.IGNORECASE)
STAMP_NAMES = re.compile(r"time|stamp|epoch|unix|date|\bts\b", re.IGNORECASE)


@dataclass(frozen=True)
class TimeFormat:
    """format: for strptime, "" for ISO 8601. times: of all cells. reason: what speaks for it."""

    format: str
    times: pd.DatetimeIndex
    reason: str


def parse(cell: str, form: str) -> datetime | None:
    """The time, in UTC where it has an offset; None where the format does not fit."""
    try:
        if form in EPOCHS:
            return datetime.fromtimestamp(int(cell) / EPOCHS[form][1], UTC).replace(tzinfo=None)
        if form == QUARTERS:
            year, quarter = map(int, QUARTER.fullmatch(cell).groups())
            return datetime(year, 3 * quarter - 2, 1)  # noqa: DTZ001 (times without a zone)
        time = datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)
    except (ValueError, AttributeError):
        return None
    if time.tzinfo:
        time = (time - time.utcoffset()).replace(tzinfo=None)
    return time if time.year in YEARS else None


def looks_like_time(cells: Sequence[str], name: str = "") -> bool:
    """Whether some format fits nearly all of a sample of the cells."""
    sample = [cell for cell in cells if cell][:SAMPLE]
    return bool(sample) and bool(fitting(sample, name, 0.95))


def fitting(cells: Sequence[str], name: str = "", share: float = 1.0) -> list[str]:
    """The formats that fit at least so many of the cells."""
    formats = []
    whole = all(cell.isdigit() for cell in cells)
    if all(QUARTER.fullmatch(cell) for cell in cells):
        return [QUARTERS]
    if whole and all(len(cell) == 4 for cell in cells):
        years = all(int(cell) in YEARS for cell in cells) and len(set(cells)) == len(cells)
        return ["%Y"] if years and YEAR_NAMES.search(name) else []
    if whole and not all(len(cell) in (8, 10, 12, 13, 14) for cell in cells):
        return []
    shapes = {re.sub(r"\d+", "0", cell) for cell in cells[:SAMPLE]}
    if len(shapes) > 30 or max(map(len, cells)) > 40:
        return []
    probe = cells[:20]
    for form in FORMATS:
        if sum(parse(cell, form) is not None for cell in probe) < share * len(probe):
            continue
        if sum(parse(cell, form) is not None for cell in cells) >= share * len(cells):
            formats.append(form)
    if ISO in formats:
        return [ISO]
    if not formats and whole and STAMP_NAMES.search(name):
        for form, (digits, _) in EPOCHS.items():
            rising = [int(cell) for cell in cells] == sorted(map(int, cells))
            if rising and len(cells) > 1 and all(len(cell) == digits for cell in cells):
                return [form]
    return formats


def time_format(
    cells: Sequence[str], lines: Sequence[int], name: str, path: Path, answers: Answers
) -> TimeFormat:
    """The format of a column of times.

    A number above 12 shows which is the day and which the month, or else the order: one reading
    rises through the file and the other does not.

    Raises:
        UserError: `ambiguous-time-format`.
    """
    given = answers.get("time-format")
    formats = [given] if given is not None else fitting(cells, name)
    readings = {}
    for form in formats:
        parsed = [parse(cell, form) for cell in cells]
        if None not in parsed:
            readings[form] = pd.DatetimeIndex(parsed)
    readings = _distinct(readings)
    if given is not None and readings:
        return TimeFormat(given, readings[given], "given")
    rising = {
        form: times for form, times in readings.items()
        if times.is_monotonic_increasing or times.is_monotonic_decreasing
    }  # fmt: skip
    reason = f"it fits all {len(cells)} cells"
    if len(readings) > 1 and len(rising) == 1:
        readings = rising
        reason = "by this reading alone the rows are in order"
    if len(readings) > 1:
        at = _first_difference(list(readings.values()))
        shown = [Reading(form, f"{cells[at]} is {t[at]:%d %B %Y}") for form, t in readings.items()]
        message = f"{cells[at]!r} in column {name!r}: day or month first; no cell tells"
        form = answers.settle(Question("time-format", message, shown, path, lines[at]))
        return TimeFormat(form, readings[form], "given or asked")
    ((form, times),) = readings.items() or [("", pd.DatetimeIndex([]))]
    return TimeFormat(form, times, reason)


def _distinct(readings: dict[str, pd.DatetimeIndex]) -> dict[str, pd.DatetimeIndex]:
    """One format of those that give the same times."""
    distinct: dict[str, pd.DatetimeIndex] = {}
    for form, times in readings.items():
        if not any(times.equals(other) for other in distinct.values()):
            distinct[form] = times
    return distinct


def _first_difference(readings: Sequence[pd.DatetimeIndex]) -> int:
    one, other = readings[:2]
    return int((one != other).argmax())
