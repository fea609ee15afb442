"""Whitening of residuals, and the threshold of a score: both from normal readings alone.

With residuals e (reading minus expected value) that are normally distributed with mean m and
covariance S, -log p(e) is, but for a constant, half the squared Mahalanobis distance

    (e - m)' S^-1 (e - m) = |W (e - m)|^2,    W = S^(-1/2), symmetric,

so the scores that follow are likelihoods of residuals (Malhotra et al. 2015), and the squares of
W (e - m) say which column contributed how much; they are not negative and add up to the score
(complete decomposition contributions; Alcala and Qin 2009).

References: "Long Short Term Memory Networks for Anomaly Detection in Time Series", ESANN 2015;
"Reconstruction-based contribution for process monitoring", https://doi.org/10.1016/j.automatica.2009.02.027.
"""

from dataclasses import dataclass

import numpy as np

TRIMMED = 0.02  # share of the residuals, the largest, that the covariance is computed without
RIDGE = 1e-3  # of the mean variance, added to each
WILD = 20.0  # spreads from the median, beyond which a reading of train is not learned from
MIN_SHARE = 0.5  # of the rows that must remain


@dataclass(frozen=True)
class Whitening:
    """centre (C,), matrix (C, C): residual -> (residual - centre) @ matrix, of unit covariance."""

    centre: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of(cls, residuals: np.ndarray) -> "Whitening":
        """From (n, C); the median and a trimmed covariance, which a few wild rows do not change.

        Columns are scaled by their spreads first, so that units do not matter.
        """
        centre = np.median(residuals, axis=0)
        deviations = residuals - centre
        spread = 1.4826 * np.median(np.abs(deviations), axis=0)
        spread = np.where(spread > 0, spread, deviations.std(axis=0))
        spread = np.where(spread > 0, spread, 1.0)
        scaled = deviations / spread
        distance = np.square(scaled).sum(axis=1)
        typical = scaled[distance <= np.quantile(distance, 1 - TRIMMED)]
        return cls(
            centre, inverse_root(typical.T @ typical / max(1, len(typical))) / spread[:, None]
        )

    def __call__(self, residuals: np.ndarray) -> np.ndarray:
        """(..., C) -> (..., C) contributions of each column to the score."""
        return np.square((residuals - self.centre) @ self.matrix) / residuals.shape[-1]


def inverse_root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric S^(-1/2) of S with a little of its mean variance added to the diagonal."""
    size = len(covariance)
    ridge = max(RIDGE * np.trace(covariance) / size, 1e-12)
    values, vectors = np.linalg.eigh(covariance + ridge * np.eye(size))
    return vectors / np.sqrt(values) @ vectors.T


def threshold_of(scores: np.ndarray, false_alarms_per_1000: float, margin: float = 1.0) -> float:
    """The score above which so many of 1,000 normal readings lie.

    A quantile: one wild reading moves it no further than to the next score.

    Args:
        scores: (n,) of normal readings.
        false_alarms_per_1000: normal readings above it.
        margin: times the quantile; for few readings, whose highest quantiles are not known.
    """
    finite = scores[np.isfinite(scores)]
    return float(margin * np.quantile(finite, 1 - false_alarms_per_1000 / 1000))


def usable(history: np.ndarray, labels: np.ndarray, centre, scale) -> np.ndarray:
    """(n,) rows of windows without a labelled or a wild reading.

    Args:
        history: (n, T, C).
        labels: (n, T), 1 for readings of an event.
        centre, scale: (C,) of train.
    """
    normal = ~np.asarray(labels).any(axis=1)
    distance = np.abs(np.asarray(history) - np.asarray(centre, np.float32))
    tame = normal & (distance <= WILD * np.asarray(scale, np.float32)).all(axis=(1, 2))
    return tame if tame.sum() >= MIN_SHARE * normal.sum() else normal
