"""Deviations of the last reading of a window from what is expected of it, by simple methods.

Shapes: n windows, T readings of each (the last one is judged), C columns, L readings that a method
looks at. Each method is fitted to windows without events by `fit`, gives `expected` (n, C) and
`contribution` (n, C), float64, and is stored as `arrays()`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.classical.anomaly.residuals import Whitening

EXPLAINED = 0.9  # share of the variance that principal components keep
LIMIT = 0.99  # the quantiles of T2 and Q that weigh one against the other
AUTOREGRESSION_RIDGE = 1e-2  # of the mean variance of the readings before
MAX_LAGS = 16
MIN_RELATIVE_STD = 1e-3  # of the column's scale, of a window that is constant


def difference(history: np.ndarray) -> np.ndarray:
    """The reading before: the rule |x_t - x_(t-1)| of one line."""
    return history[:, -2]


def seasonal_median(history: np.ndarray, season: int) -> np.ndarray:
    """The median of the readings one season ago, two seasons, ..."""
    return np.median(history[:, -1 - season :: -season], axis=1)


@dataclass(frozen=True)
class Expectation:
    """expected by a function of the window, and the whitening of what it misses.

    name: "difference" or "seasonal_median". season: readings of a season.
    """

    name: str
    season: int
    whitening: Whitening

    @classmethod
    def fit(cls, name: str, history: np.ndarray, season: int) -> "Expectation":
        expect = cls(name, season, Whitening(np.zeros(1), np.eye(1)))
        return cls(name, season, Whitening.of(history[:, -1] - expect.expected(history)))

    def expected(self, history: np.ndarray) -> np.ndarray:
        return difference(history) if self.name == "difference" else (
            seasonal_median(history, self.season)
        )  # fmt: skip

    def judge(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(expected, contribution), (n, C) each."""
        expected = self.expected(history)
        return expected, self.whitening(history[:, -1] - expected)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"centre": self.whitening.centre, "matrix": self.whitening.matrix}

    @classmethod
    def restored(cls, name: str, arrays: Mapping, season: int, columns: int) -> "Expectation":
        return cls(name, season, Whitening(arrays["centre"], arrays["matrix"]))


@dataclass(frozen=True)
class WindowedGaussian:
    """Distance from the mean of the readings before, in standard deviations of these.

    scale: (C,) the spread of each column in train; no deviation is smaller than a share of it.
    """

    scale: np.ndarray

    @classmethod
    def fit(cls, name: str, history: np.ndarray, scale: np.ndarray) -> "WindowedGaussian":
        return cls(np.asarray(scale, np.float64))

    def judge(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        before = history[:, :-1]
        expected = before.mean(axis=1)
        deviation = np.maximum(before.std(axis=1), MIN_RELATIVE_STD * self.scale)
        return expected, np.square((history[:, -1] - expected) / deviation) / len(self.scale)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"scale": self.scale}

    @classmethod
    def restored(cls, name, arrays: Mapping, season: int, columns: int) -> "WindowedGaussian":
        return cls(arrays["scale"])


@dataclass(frozen=True)
class Autoregression:
    """A linear forecast of all columns from the L readings before, fitted with a ridge penalty.

    weights: (1 + L C, C); the first row is the intercept.
    """

    weights: np.ndarray
    whitening: Whitening

    @classmethod
    def fit(cls, name: str, history: np.ndarray) -> "Autoregression":
        lags, columns = min(MAX_LAGS, history.shape[1] - 1), history.shape[2]
        before = history[:, -1 - lags : -1].reshape(len(history), -1)
        mean, target = before.mean(axis=0), history[:, -1].mean(axis=0)
        spread = np.where(before.std(axis=0) > 0, before.std(axis=0), 1.0)
        x = (before - mean) / spread
        gram = x.T @ x + AUTOREGRESSION_RIDGE * len(x) * np.eye(lags * columns) / columns
        slopes = np.linalg.solve(gram, x.T @ (history[:, -1] - target)) / spread[:, None]
        weights = np.concatenate([(target - mean @ slopes)[None], slopes])
        fitted = cls(weights, Whitening(np.zeros(columns), np.eye(columns)))
        return cls(weights, Whitening.of(history[:, -1] - fitted.expected(history)))

    def expected(self, history: np.ndarray) -> np.ndarray:
        lags = (len(self.weights) - 1) // history.shape[2]
        before = history[:, -1 - lags : -1].reshape(len(history), -1)
        return before @ self.weights[1:] + self.weights[0]

    def judge(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        expected = self.expected(history)
        return expected, self.whitening(history[:, -1] - expected)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "centre": self.whitening.centre,
                "matrix": self.whitening.matrix}  # fmt: skip

    @classmethod
    def restored(cls, name, arrays: Mapping, season: int, columns: int) -> "Autoregression":
        return cls(arrays["weights"], Whitening(arrays["centre"], arrays["matrix"]))


@dataclass(frozen=True)
class PrincipalComponents:
    """Hotelling's T2 and Q (squared prediction error) of the last L readings, in one index.

    With z, the L C standardized readings, P the components and t = P'z their scores of variances
    l: T2 = t' diag(1/l) t says how far away the readings are within what they do normally,
    Q = |z - P t|^2 how much they leave it. The index z' F z = T2 / T2_limit + Q / Q_limit (Yue and
    Qin 2001) is whitened by F^(1/2). With L > 1 it is dynamic PCA (Ku, Storer and Georgakis 1995).

    Args:
        mean, spread: (L C,) of the readings.
        expectation: (L C, C): standardized readings -> the last one, reconstructed.
        root: (L C, L C), F^(1/2).

    References: https://doi.org/10.1021/ie000141+, https://doi.org/10.1016/0169-7439(95)00076-3.
    """

    mean: np.ndarray
    spread: np.ndarray
    expectation: np.ndarray
    root: np.ndarray

    @classmethod
    def fit(cls, name: str, history: np.ndarray, lags: int) -> "PrincipalComponents":
        flat = _last(history, lags)
        columns = history.shape[2]
        mean, spread = flat.mean(axis=0), flat.std(axis=0)
        spread = np.where(spread > 0, spread, np.maximum(1e-3 * np.abs(mean), 1e-3))
        z = (flat - mean) / spread
        values, vectors = np.linalg.eigh(z.T @ z / len(z))
        values, vectors = np.maximum(values[::-1], 1e-9), vectors[:, ::-1]
        count = 1 + int(np.searchsorted(np.cumsum(values) / values.sum(), EXPLAINED))
        components, variances = vectors[:, :count], values[:count]
        scores = z @ components
        t2 = np.square(scores / np.sqrt(variances)).sum(axis=1)
        q = np.square(z - scores @ components.T).sum(axis=1)
        t2_limit, q_limit = (max(float(np.quantile(v, LIMIT)), 1e-9) for v in (t2, q))
        residual = np.eye(len(mean)) - components @ components.T
        within = (components / np.sqrt(variances * t2_limit)) @ components.T
        # F^(1/2): the two parts are orthogonal, so their roots add up to the root of the sum.
        root = within + residual / np.sqrt(q_limit)
        last = components @ components[-columns:].T
        return cls(mean, spread, last, root)

    def judge(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = history.shape[2]
        z = (_last(history, len(self.mean) // columns) - self.mean) / self.spread
        expected = z @ self.expectation * self.spread[-columns:] + self.mean[-columns:]
        shares = np.square(z @ self.root).reshape(len(z), -1, columns)
        return expected, shares.sum(axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "spread": self.spread, "expectation": self.expectation,
                "root": self.root}  # fmt: skip

    @classmethod
    def restored(cls, name, arrays: Mapping, season: int, columns: int) -> "PrincipalComponents":
        return cls(**arrays)


def _last(history: np.ndarray, lags: int) -> np.ndarray:
    """(n, L C) the last L readings, one behind the other."""
    return history[:, -lags:].reshape(len(history), -1)


Method = Expectation | WindowedGaussian | Autoregression | PrincipalComponents
KINDS: dict[str, type] = {
    "difference": Expectation,
    "seasonal_median": Expectation,
    "windowed_gaussian": WindowedGaussian,
    "autoregression": Autoregression,
    "pca": PrincipalComponents,
}


def fit(name: str, history: np.ndarray, *, season: int, scale, lags: int) -> Method:
    """The method of a name in KINDS, fitted to windows (n, T, C) without events.

    Args:
        season: readings of a season.
        scale: (C,) the spread of each column.
        lags: readings that principal components are computed of.
    """
    fits: dict[str, Callable] = {
        "difference": lambda: Expectation.fit(name, history, season),
        "seasonal_median": lambda: Expectation.fit(name, history, season),
        "windowed_gaussian": lambda: WindowedGaussian.fit(name, history, scale),
        "autoregression": lambda: Autoregression.fit(name, history),
        "pca": lambda: PrincipalComponents.fit(name, history, min(lags, history.shape[1])),
    }
    return fits[name]()
