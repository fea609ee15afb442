"""Precision and recall at every level of a score, from counts."""

import numpy as np


def average_precision(hits: np.ndarray, alarms: np.ndarray, positives) -> np.ndarray:
    """The area under the curve of precision over recall, by steps: sum of (R_k - R_(k-1)) P_k.

    No line is drawn between the points, which would be too good (Davis and Goadrich 2006).

    Args:
        hits: (..., k) rows of events at or above level k; levels descend.
        alarms: (..., k) all rows there.
        positives: (...) rows of events.

    Returns:
        (...); NaN without a positive row.
    """
    precision = share(hits, alarms, 0.0)
    gained = np.diff(hits, axis=-1, prepend=0)
    return share((gained * precision).sum(axis=-1), positives)


def counts_by_level(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(hits, alarms) at every distinct score, descending; labels: (n,) bool."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    return np.cumsum(labels[order])[ends].astype(np.float64), ends + 1.0


def share(above, below, otherwise: float = np.nan) -> np.ndarray:
    """above / below, and `otherwise` where there is nothing to divide by."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(below.shape, otherwise), where=below > 0)
