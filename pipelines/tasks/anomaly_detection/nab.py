"""Scores of the Numenta Anomaly Benchmark (NAB): early alarms within a window are worth more.

Of each window of an event only the earliest alarm counts. At relative position y, -1 at its first
row and nearly 0 at its last, it is worth

    weight_TP * s(y) / s(-1),    s(y) = 2 / (1 + exp(5 y)) - 1,

and a window without an alarm -weight_FN. An alarm outside costs weight_FP * s(y) < 0, with y > 0
the distance from the end of the window before it, in widths of that window: little just after it,
and the whole weight from three widths on or where there was no window. The sum is scaled to 0 for
a detector without alarms and 100 for one that alarms at the first row of every window alone.

NAB takes a detector's threshold from the labels of the whole corpus, one for each profile
("swept"); the score at the threshold that was fixed before is given too.

References: Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms - the Numenta
Anomaly Benchmark", 2015, https://arxiv.org/abs/1510.03336; https://github.com/numenta/NAB.
"""

from dataclasses import dataclass

import numpy as np

PROBATION_SHARE, LONGEST_PROBATION = 0.15, 750
FAR = 3.0  # widths after a window, beyond which nothing of it is left


@dataclass(frozen=True)
class Profile:
    """Weights of a window that is found, of one that is missed, and of an alarm outside."""

    true_positive: float = 1.0
    false_negative: float = 1.0
    false_positive: float = 0.11


PROFILES = {
    "standard": Profile(),
    "low_fp": Profile(false_positive=0.22),
    "low_fn": Profile(false_negative=2.0),
}


def probation(rows: int) -> int:
    """How many rows at the beginning of a series are not scored."""
    return min(int(PROBATION_SHARE * rows), LONGEST_PROBATION)


def worth(position):
    """s(y): from nearly 1 at -1 through 0 at 0 to -1; (n,) or a number."""
    position = np.asarray(position, np.float64)
    return np.where(position > FAR, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, FAR))) - 1)


def row_worth(event: np.ndarray) -> np.ndarray:
    """(n,) what an alarm at each row of a stream is worth, before weights.

    Args:
        event: (n,) the number of the window that a row belongs to, -1 outside.
    """
    values = np.full(len(event), -1.0)
    for name in dict.fromkeys(event[event >= 0].tolist()):
        rows = np.flatnonzero(event == name)
        first, last = int(rows[0]), int(rows[-1])
        width = last - first + 1
        position = -(last - np.arange(first, last + 1) + 1) / width
        values[first : last + 1] = worth(position) / worth(-1)
        after = np.arange(last + 1, len(event))  # up to the next window, which is written later
        values[after] = worth((after - last) / max(1, width - 1))
    return values
