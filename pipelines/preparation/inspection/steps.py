"""The step of a series: what frequency its times have, its season, and windows that fit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines.config.errors import UserError
from pipelines.preparation.inspection.questions import Answers, Question, Reading

DAY = pd.Timedelta(days=1)
# pandas' names of calendar steps -> (season, history, horizon) in steps.
CALENDAR = {"B": (5, 20, 5), "W": (52, 104, 13), "M": (12, 36, 12), "Q": (4, 16, 4), "Y": (1, 8, 3)}
# pandas' names of a period, of its first and its last day; the fewest days that it has.
PERIODS = (("M", "MS", "ME", 28), ("Q", "QS", "QE", 90), ("Y", "YS", "YE", 365))
MAX_SEASON = 400  # longer seasons make windows that no small network reads
VAL, TEST = 0.15, 0.2
LEAST_ROWS = 30
NAMES = {
    "min": "minutes", "h": "hours", "D": "days", "B": "working days", "W": "weeks", "MS": "months",
    "ME": "month ends", "QS": "quarters", "QE": "quarter ends", "YS": "years", "YE": "year ends",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """frequency: pandas' name. resample: whether rows must be averaged to come onto its grid.
    snap: whether times must be moved to the beginning of their period."""

    frequency: str
    reason: str
    resample: bool = False
    snap: bool = False


def step(times: pd.DatetimeIndex, path: Path, answers: Answers) -> Step:
    """The step of distinct, rising times.

    Raises:
        UserError: `ambiguous-frequency` where the times lie on no grid.
    """
    given = answers.get("frequency")
    if given is not None:
        try:
            grid = pd.date_range(times[0], times[-1], freq=given)
        except ValueError:
            message = f"{given!r} is no step; give 15min, h, D, W-SUN, MS, QS, YS or the like"
            raise UserError(
                "answer-unknown", message, path=path, key="--frequency", value=given
            ) from None
        return Step(given, "given", resample=not times.isin(grid).all())
    inferred = pd.infer_freq(times) if len(times) > 2 else None
    if inferred is not None:
        return Step(inferred, f"every step is of {_called(inferred)}")
    for candidate in _candidates(times):
        grid = pd.date_range(times[0], times[-1], freq=candidate.frequency)
        moved = _snapped(times, candidate)
        if candidate.snap or (moved.isin(grid).all() and len(grid) < 50 * len(times)):
            absent = len(grid) - len(times)
            reason = f"{candidate.reason}; {absent} of {len(grid)} steps are absent"
            return Step(candidate.frequency, reason, snap=candidate.snap)
    usual = _usual(times)
    coarse = next((s for s in (1, 5, 10, 15, 30, 60, 360, 1440) if 60 * s >= usual.seconds), 1440)
    name = "D" if coarse == 1440 or usual >= DAY else "h" if coarse == 60 else f"{coarse}min"
    message = f"the times lie on no grid: steps from {_span(times)}"
    readings = [Reading(name, "the mean of the rows within each step")]
    frequency = answers.settle(Question("frequency", message, readings, path))
    return Step(frequency, "rows are averaged within each step", resample=True)


def _usual(times: pd.DatetimeIndex) -> pd.Timedelta:
    return pd.Timedelta(Counter(times[1:] - times[:-1]).most_common(1)[0][0])


def _span(times: pd.DatetimeIndex) -> str:
    differences = times[1:] - times[:-1]
    return f"{differences.min()} to {differences.max()}"


def _candidates(times: pd.DatetimeIndex) -> list[Step]:
    usual = _usual(times)
    candidates = []
    if usual % (7 * DAY) == pd.Timedelta(0) and len(set(times.weekday)) == 1:
        name = f"W-{times[0].strftime('%a').upper()}"
        candidates.append(Step(name, f"rows are on {times[0]:%A}s alone"))
    if usual == DAY and not set(times.weekday) & {5, 6}:
        candidates.append(Step("B", "rows are on working days alone"))
    for period, begin, end, days in (
        ("M", "MS", "ME", 28),
        ("Q", "QS", "QE", 90),
        ("Y", "YS", "YE", 365),
    ):
        if usual >= days * DAY:
            periods = times.to_period(period)
            if not periods.has_duplicates:
                name = end if times.is_month_end.all() else begin
                snap = not (times.is_month_end.all() or times.is_month_start.all())
                if begin != "MS" and not snap:
                    name += f"-{times[0].strftime('%b').upper()}"
                reason = f"at most one row in each of the {_called(begin)}"
                candidates.insert(0, Step(name, reason, snap=snap))
    minutes, rest = divmod(usual, pd.Timedelta(minutes=1))
    if not rest and minutes:
        name = {60: "h", 1440: "D"}.get(minutes) or f"{minutes}min"
        if minutes > 60 and minutes % 1440 == 0:
            name = f"{minutes // 1440}D" if minutes > 1440 else "D"
        elif minutes > 60 and minutes % 60 == 0:
            name = f"{minutes // 60}h"
        candidates.append(Step(name, f"most steps are of {usual}"))
    elif usual >= pd.Timedelta(seconds=1):
        candidates.append(Step(f"{usual.seconds}s", f"most steps are of {usual}"))
    return candidates


def _snapped(times: pd.DatetimeIndex, candidate: Step) -> pd.DatetimeIndex:
    return snap(times, candidate.frequency) if candidate.snap else times


def snap(times: pd.DatetimeIndex, frequency: str) -> pd.DatetimeIndex:
    """Times at the beginning of their month, quarter or year."""
    return times.to_period(frequency[0]).to_timestamp()


def _called(frequency: str) -> str:
    number = "".join(letter for letter in frequency if letter.isdigit())
    name = frequency.removeprefix(number).split("-")[0]
    return f"{number} {NAMES.get(name, name)}".strip()


@dataclass(frozen=True)
class Windows:
    """Steps of season, history and horizon. reason: in words."""

    season: int
    history: int
    horizon: int
    reason: str


def windows(frequency: str, rows: int, path: Path, answers: Answers) -> Windows:
    """Windows that are usual for the step and fit into so many rows.

    Raises:
        UserError: `rows-few`.
    """
    season, history, horizon = usual_windows(frequency)
    given = answers.get("horizon")
    if given is not None and not (given.isdigit() and int(given)):
        message = "give a whole number of steps above 0"
        raise UserError("answer-unknown", message, path=path, key="--horizon", value=given)
    horizon = int(given or horizon)
    if rows < LEAST_ROWS:
        message = f"{rows} steps; at least {LEAST_ROWS} are needed for train, val and test"
        raise UserError("rows-few", message, path=path, value=rows)
    val, train = int(VAL * rows), int((1 - VAL - TEST) * rows)
    usual = (season, history, horizon)
    horizon = max(1, min(horizon, 2 * val // 3))
    if season < train // 2:
        horizon = min(horizon, train // 2 - season)
    history = max(2, min(max(history, 2 * horizon), train // 2 - horizon))
    season = season if season <= history else 1
    reason = f"{horizon} steps ahead from {history} steps back, season {season}"
    if (season, history, horizon) != usual:
        reason += f"; shortened to fit {rows} steps"
    return Windows(season, history, horizon, reason)


def usual_windows(frequency: str) -> Sequence[int]:
    offset = pd.tseries.frequencies.to_offset(frequency)
    if isinstance(offset, pd.offsets.Day) or frequency.endswith("D"):
        return (7, 28, 7) if offset.n == 1 else (1, 28, 7)
    try:
        seconds = pd.Timedelta(offset).total_seconds()
    except ValueError:
        return CALENDAR[frequency.lstrip("0123456789")[0]]
    day = int(86400 // seconds)
    season = day if day <= MAX_SEASON else 60
    return season, min(7 * season, 336), min(season, 96)
