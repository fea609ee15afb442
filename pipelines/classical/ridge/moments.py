"""The sums that ridge regression needs of a part's windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

AT_ONCE = 2048  # windows in double precision at a time
CALM = 0.05  # of train's variance, added to a window's, so that the calmest do not decide alone


@dataclass(frozen=True)
class Moments:
    """Sums over the windows of a part, column by column, of deviations from a window's own mean.

    square: (c, 1 + h, 1 + h) of the past with itself, a one before it. product: (c, 1 + h, f) of
    the past with the future. energy: (c,) of the future with itself. count: values of each column.
    """

    square: np.ndarray
    product: np.ndarray
    energy: np.ndarray
    count: int

    @classmethod
    def of(
        cls, history: np.ndarray, future: np.ndarray, std: np.ndarray | None = None
    ) -> "Moments":
        """history (n, h, c), future (n, f, c); each may be a view of many times its size.

        With std (c,), that of train, windows are divided by their own spread, in units of it: a
        few restless weeks then do not outweigh months.
        """
        (_, steps, columns), horizon = history.shape, future.shape[1]
        square = np.zeros((columns, 1 + steps, 1 + steps))
        product = np.zeros((columns, 1 + steps, horizon))
        energy = np.zeros(columns)
        for rows in pieces(len(history)):
            level, past = seen(history[rows])
            wanted = np.moveaxis(future[rows] - level, 2, 0)
            if std is not None:
                weight = _weight(past, std)
                past, wanted = past * weight, wanted * weight
            square += past.transpose(0, 2, 1) @ past
            product += past.transpose(0, 2, 1) @ wanted
            energy += np.square(wanted).sum(axis=(1, 2))
        return cls(square, product, energy, len(future) * horizon)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.square + other.square, self.product + other.product,
            self.energy + other.energy, self.count + other.count,
        )  # fmt: skip

    def together(self, std: np.ndarray) -> "Moments":
        """Those of one group, the sum over all columns, each divided by its deviation `std`."""
        scale = np.square(std)
        return Moments(
            (self.square / scale[:, None, None]).sum(axis=0, keepdims=True),
            (self.product / scale[:, None, None]).sum(axis=0, keepdims=True),
            (self.energy / scale).sum(keepdims=True),
            self.count * len(std),
        )


def seen(history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean over each window (n, 1, c), ones and deviations from it (c, n, 1 + h))."""
    history = np.asarray(history, np.float64)
    level = history.mean(axis=1, keepdims=True)
    past = np.ones((history.shape[2], len(history), 1 + history.shape[1]))
    past[:, :, 1:] = np.moveaxis(history - level, 2, 0)
    return level, past


def pieces(rows: int) -> Iterator[slice]:
    for start in range(0, rows, AT_ONCE):
        yield slice(start, start + AT_ONCE)


def _weight(past: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(c, n, 1) what windows are multiplied with, 1 for one as restless as train."""
    spread = np.square(past[:, :, 1:]).mean(axis=2, keepdims=True)
    variance = np.square(std)[:, None, None]
    return np.sqrt(variance / (spread + CALM * variance))
