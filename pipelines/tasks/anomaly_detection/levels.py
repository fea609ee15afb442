"""What is detected, and what is falsely alarmed, at every level of a score: counts by unit of rows.

A unit is a run of consecutive rows that are drawn together when scores are resampled: a stream, or
a part of one. Every metric is a function of sums over units, so a resample is a weighting of them.
Shape suffixes: u units, k levels, highest first. At a level a row is an alarm if its score is as
high or higher.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.tasks.anomaly_detection import nab

TOP, SPREAD = 1500, 1500  # levels: the highest scores all, others evenly


@dataclass(frozen=True)
class Levels:
    """Counts at each level.

    Args:
        hits, alarms: (u, k) rows of events, and all rows, that are alarms.
        detected: (u, k) events with an alarm.
        worth_detected, worth_outside: (u, k) sums of nab.row_worth: of the earliest alarm of each
            detected event, and of alarms outside.
        positives, rows, events: (u,).
    """

    hits: np.ndarray
    alarms: np.ndarray
    detected: np.ndarray
    worth_detected: np.ndarray
    worth_outside: np.ndarray
    positives: np.ndarray
    rows: np.ndarray
    events: np.ndarray


def of_scores(score: np.ndarray, event: np.ndarray, stream: np.ndarray, unit: np.ndarray) -> Levels:
    """Of the scores of a split's rows.

    Args:
        score: (n,); NaN, which cannot be judged, ranks highest.
        event: (n,) its number, -1 outside.
        stream: (n,) number of the stream.
        unit: (n,) number of the unit, ascending.
    """
    score = np.where(np.isnan(score), np.inf, score)
    return _count(score, levels_of(score), event, stream, unit)


def of_alarms(alarm: np.ndarray, event: np.ndarray, stream: np.ndarray, unit: np.ndarray) -> Levels:
    """Of decisions that are made already: one level."""
    return _count(alarm.astype(np.float64), np.array([1.0]), event, stream, unit)


def levels_of(score: np.ndarray) -> np.ndarray:
    """Distinct scores, descending; of many the highest, and others evenly by rank to the lowest."""
    distinct = np.unique(score)[::-1]
    if len(distinct) <= TOP + SPREAD:
        return distinct
    rest = np.linspace(TOP, len(distinct) - 1, SPREAD).round().astype(int)
    return np.concatenate([distinct[:TOP], distinct[rest]])


def _count(score, levels, event, stream, unit) -> Levels:
    size, worth = (int(unit[-1]) + 1, len(levels)), np.empty(len(score))
    for number in np.unique(stream):
        rows = stream == number
        worth[rows] = nab.row_worth(event[rows])
    inside = event >= 0
    # The first level at which a row is an alarm; len(levels) if none.
    level = np.searchsorted(-levels, -score, side="left")
    summed = {
        "hits": _cumulative(unit, level, inside, size),
        "alarms": _cumulative(unit, level, np.ones(len(score)), size),
        "worth_outside": _cumulative(unit, level, np.where(inside, 0, worth), size),
    }
    detected, best, events = np.zeros(size), np.zeros(size), np.zeros(size[0])
    for name in np.unique(event[inside]):
        rows = np.flatnonzero(event == name)
        place = unit[rows[0]]
        events[place] += 1
        highest = np.maximum.accumulate(score[rows])
        earliest = np.searchsorted(highest, levels, side="left")  # of the rows at each level
        is_found = earliest < len(rows)
        detected[place] += is_found
        best[place] += np.where(is_found, worth[rows[np.minimum(earliest, len(rows) - 1)]], 0)
    positives = np.bincount(unit, inside, size[0])
    rows_of = np.bincount(unit, minlength=size[0]).astype(np.float64)
    return Levels(
        **summed, detected=detected, worth_detected=best, positives=positives, rows=rows_of,
        events=events,
    )  # fmt: skip


def _cumulative(unit, level, values, size) -> np.ndarray:
    """(u, k) sums of `values` over rows whose level is reached."""
    flat = np.bincount(unit * (size[1] + 1) + level, values, size[0] * (size[1] + 1))
    return np.cumsum(flat.reshape(size[0], -1)[:, :-1], axis=1)
