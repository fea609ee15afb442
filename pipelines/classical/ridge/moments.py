"""The sums of products that ridge regression needs of a split's windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CHUNK_WINDOWS = 2048  # windows in double precision at a time
VARIANCE_FLOOR = 0.05  # of train's variance, added to a window's: quiet windows must not dominate


@dataclass(frozen=True)
class Moments:
    """Second moments of windows, by column, of deviations from each window's mean.

    Args:
        gram: (c, 1 + h, 1 + h), X'X of the history, after a constant of 1.
        cross: (c, 1 + h, f), X'Y of the history with the future.
        energy: (c,), the sum of squares of the future.
        count: number of target values in each column.
    """

    gram: np.ndarray
    cross: np.ndarray
    energy: np.ndarray
    count: int

    @classmethod
    def of(
        cls, history: np.ndarray, future: np.ndarray, std: np.ndarray | None = None
    ) -> "Moments":
        """The moments of windows, in chunks.

        Args:
            history: (n, h, c), may be a view that is many times as large as its memory.
            future: (n, f, c), likewise.
            std: (c,) standard deviations of train. With it, windows are divided by their standard
                deviation relative to train's, so that a few volatile weeks do not outweigh months.
        """
        (_, steps, columns), horizon = history.shape, future.shape[1]
        gram = np.zeros((columns, 1 + steps, 1 + steps))
        cross = np.zeros((columns, 1 + steps, horizon))
        energy = np.zeros(columns)
        for rows in chunks(len(history)):
            level, features = centred(history[rows])
            targets = np.moveaxis(future[rows] - level, 2, 0)  # (c, n, f)
            if std is not None:
                weight = _inverse_spread(features, std)
                features, targets = features * weight, targets * weight
            gram += features.transpose(0, 2, 1) @ features
            cross += features.transpose(0, 2, 1) @ targets
            energy += np.square(targets).sum(axis=(1, 2))
        return cls(gram, cross, energy, len(future) * horizon)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.gram + other.gram, self.cross + other.cross,
            self.energy + other.energy, self.count + other.count,
        )  # fmt: skip

    def pooled(self, std: np.ndarray) -> "Moments":
        """Of one group: the sum over all columns, each divided by its standard deviation."""
        variance = np.square(std)
        return Moments(
            (self.gram / variance[:, None, None]).sum(axis=0, keepdims=True),
            (self.cross / variance[:, None, None]).sum(axis=0, keepdims=True),
            (self.energy / variance).sum(keepdims=True),
            self.count * len(std),
        )


def centred(history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(means of the windows (n, 1, c), features (c, n, 1 + h): 1 and the deviations)."""
    history = np.asarray(history, np.float64)
    level = history.mean(axis=1, keepdims=True)
    features = np.ones((history.shape[2], len(history), 1 + history.shape[1]))
    features[:, :, 1:] = np.moveaxis(history - level, 2, 0)
    return level, features


def chunks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, CHUNK_WINDOWS):
        yield slice(start, start + CHUNK_WINDOWS)


def _inverse_spread(features: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(c, n, 1) factors; about 1 for a window that varies as much as train does."""
    spread = np.square(features[:, :, 1:]).mean(axis=2, keepdims=True)
    variance = np.square(std)[:, None, None]
    return np.sqrt(variance / (spread + VARIANCE_FLOOR * variance))
