"""The maps of every penalty at once, and what windows say of each."""

from dataclasses import dataclass

import numpy as np

from pipelines.classical.ridge.moments import Moments, pieces, seen

ROUNDING = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Ridge:
    """Linear map of the history's deviations from its own mean: (g, 1 + h, f) weights.

    Row 0 is a constant, not penalised: how far the future lay above the past on average. One column
    by itself has it, for a trend. Several have none: they drift, each another way, and what they
    did over the months of train is no forecast of the months of test.
    """

    weights: np.ndarray

    def __call__(self, history: np.ndarray) -> np.ndarray:
        """(n, h, c) -> (n, f, c)."""
        forecast = np.empty((len(history), self.weights.shape[2], history.shape[2]))
        for rows in pieces(len(history)):
            level, past = seen(history[rows])
            forecast[rows] = np.moveaxis(past @ self.weights, 0, 2) + level
        return forecast


@dataclass(frozen=True)
class Path:
    """How a map shrinks as its penalty grows.

    It is `start` + `basis` @ (`shares` / (`values` + penalty)), the penalty per squared length of
    the mean feature, in thousandths. start: (g, 1 + h, f), the map of an endless penalty. basis:
    (g, 1 + h, h). values: (g, h). shares: (g, h, f).
    """

    start: np.ndarray
    basis: np.ndarray
    values: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, moments: Moments, constant: bool, aging: int = 0) -> "Path":
        """A map for each group of the moments, with a constant or without.

        The penalty grows with the `aging`th power of a reading's age, the mean over the history
        staying as it is.
        """
        square, product = moments.square, moments.product
        steps = square.shape[2] - 1
        start = np.zeros_like(product)
        slope = np.zeros((len(square), 1, steps))
        if constant:  # it follows from the other weights, and so is eliminated
            start[:, 0] = product[:, 0] / square[:, 0, :1]
            slope = -square[:, :1, 1:] / square[:, :1, :1]
        centred = square[:, 1:, 1:] + square[:, 1:, :1] * slope
        rest = product[:, 1:] + slope.transpose(0, 2, 1) * product[:, :1]
        size = np.trace(square[:, 1:, 1:], axis1=1, axis2=2)[:, None] / steps
        age = np.arange(steps, 0, -1.0) ** aging
        root = 1 / np.sqrt(1e-3 * size * age / age.mean())
        values, vectors = np.linalg.eigh(root[:, :, None] * centred * root[:, None, :])
        inner = root[:, :, None] * vectors
        basis = np.concatenate([slope @ inner, inner], axis=1)
        return cls(start, basis, np.maximum(values, 0), inner.transpose(0, 2, 1) @ rest)

    def at(self, penalty: float) -> Ridge:
        return Ridge(self.start + self.basis @ (self.shares / (self.values + penalty)[:, :, None]))

    def losses(self, moments: Moments, penalties: np.ndarray) -> np.ndarray:
        """(p, c) mean squared errors of the forecasts, which need not be made for that.

        At least what rounding leaves of so large sums.
        """
        left = moments.product - moments.square @ self.start
        energy = moments.energy - (self.start * (moments.product + left)).sum(axis=(1, 2))
        across = self.basis.transpose(0, 2, 1)
        linear = ((across @ left) * self.shares).sum(axis=2)
        bilinear = (across @ moments.square @ self.basis) * (
            self.shares @ self.shares.transpose(0, 2, 1)
        )
        shrunk = 1 / (self.values[:, None, :] + penalties[:, None])  # (g, p, h)
        explained = (shrunk * (shrunk @ bilinear - 2 * linear[:, None, :])).sum(axis=2)
        least = ROUNDING * moments.energy[:, None]
        return (np.maximum(energy[:, None] + explained, least) / moments.count).T
