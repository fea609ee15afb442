"""The regularization path: the ridge solutions of all penalties, and their errors, at once."""

from dataclasses import dataclass

import numpy as np

from pipelines.classical.ridge.moments import Moments, centred, chunks

ROUNDING = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Ridge:
    """A linear map of the history's deviations from the window's mean: (g, 1 + h, f) weights.

    Row 0 is an intercept without a penalty: how far the future was above the window's mean on
    average. Only a single column has one, for a trend. Several columns drift in different
    directions, and the drift over the months of train does not predict that of test.
    """

    weights: np.ndarray

    def __call__(self, history: np.ndarray) -> np.ndarray:
        """(n, h, c) -> (n, f, c)."""
        forecast = np.empty((len(history), self.weights.shape[2], history.shape[2]))
        for rows in chunks(len(history)):
            level, features = centred(history[rows])
            forecast[rows] = np.moveaxis(features @ self.weights, 0, 2) + level
        return forecast


@dataclass(frozen=True)
class RegularizationPath:
    """Solutions as a function of the penalty: start + basis @ (shares / (values + penalty)).

    The penalty is per mean squared length of a feature, in thousandths.

    Args:
        start: (g, 1 + h, f), the solution of an infinite penalty.
        basis: (g, 1 + h, h), eigenvectors of the scaled Gram matrix, in the original coordinates.
        values: (g, h), its eigenvalues.
        shares: (g, h, f), the cross moments in the eigenbasis.
    """

    start: np.ndarray
    basis: np.ndarray
    values: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, moments: Moments, constant: bool, age_power: int = 0) -> "RegularizationPath":
        """One map for each group of the moments.

        Args:
            moments: of the windows to fit.
            constant: whether the map has an intercept.
            age_power: the penalty of a step of the history grows with this power of its age; the
                mean of the penalties stays the same.
        """
        gram, cross = moments.gram, moments.cross
        steps = gram.shape[2] - 1
        start = np.zeros_like(cross)
        slope = np.zeros((len(gram), 1, steps))
        if constant:  # follows from the other weights, and so is eliminated (Schur complement)
            start[:, 0] = cross[:, 0] / gram[:, 0, :1]
            slope = -gram[:, :1, 1:] / gram[:, :1, :1]
        reduced = gram[:, 1:, 1:] + gram[:, 1:, :1] * slope  # (g, h, h)
        rest = cross[:, 1:] + slope.transpose(0, 2, 1) * cross[:, :1]  # (g, h, f)
        size = np.trace(gram[:, 1:, 1:], axis1=1, axis2=2)[:, None] / steps
        age = np.arange(steps, 0, -1.0) ** age_power
        root = 1 / np.sqrt(1e-3 * size * age / age.mean())
        values, vectors = np.linalg.eigh(root[:, :, None] * reduced * root[:, None, :])
        inner = root[:, :, None] * vectors
        basis = np.concatenate([slope @ inner, inner], axis=1)
        return cls(start, basis, np.maximum(values, 0), inner.transpose(0, 2, 1) @ rest)

    def at(self, penalty: float) -> Ridge:
        return Ridge(self.start + self.basis @ (self.shares / (self.values + penalty)[:, :, None]))

    def losses(self, moments: Moments, penalties: np.ndarray) -> np.ndarray:
        """(p, c) mean squared errors on other windows, without making the forecasts.

        Bounded below by the rounding error of sums of that size.
        """
        left = moments.cross - moments.gram @ self.start
        energy = moments.energy - (self.start * (moments.cross + left)).sum(axis=(1, 2))
        across = self.basis.transpose(0, 2, 1)
        linear = ((across @ left) * self.shares).sum(axis=2)
        bilinear = (across @ moments.gram @ self.basis) * (
            self.shares @ self.shares.transpose(0, 2, 1)
        )
        shrunk = 1 / (self.values[:, None, :] + penalties[:, None])  # (g, p, h)
        explained = (shrunk * (shrunk @ bilinear - 2 * linear[:, None, :])).sum(axis=2)
        least = ROUNDING * moments.energy[:, None]
        return (np.maximum(energy[:, None] + explained, least) / moments.count).T
