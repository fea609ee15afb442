"""Additive exponential smoothing with a trend and a season (Holt-Winters).

The states of a series y with a season of m steps are updated by

    l_t = alpha * (y_t - s_(t-m)) + (1 - alpha) * (l_(t-1) + phi * b_(t-1))     level
    b_t = beta * (l_t - l_(t-1)) + (1 - beta) * phi * b_(t-1)                   trend
    s_t = gamma * (y_t - l_(t-1) - phi * b_(t-1)) + (1 - gamma) * s_(t-m)       season

and the forecast k steps ahead is l_t + (phi + ... + phi^k) * b_t + s_(t+k-m). A damped trend has
phi < 1. statsmodels fits the parameters; its forecasts are from the end of the fitted series alone,
these from any origin, with the same updates. Its parameters may lie outside the region where old
errors are forgotten, so that those of a long series grow without bound: gamma is lowered then.

References: Holt 1957; Winters 1960, https://doi.org/10.1287/mnsc.6.3.324; Gardner and McKenzie,
"Forecasting Trends in Time Series", 1985, for the damped trend; Hyndman, Akram and Archibald, "The
admissible parameter space for exponential smoothing models", 2008,
https://doi.org/10.1007/s10463-006-0109-x.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np

STABLE = 1 + 1e-4  # growth over a season; less is rounding of repeated eigenvalues
MIN_GAMMA = 1e-3  # below, seasons are taken as fixed


@dataclass(frozen=True)
class Smoothing:
    """A fitted model of one series.

    Args:
        alpha, beta, gamma, phi: smoothing of level, trend and season, and damping of the trend.
        level, trend, seasons: the initial states; seasons (m,).
    """

    alpha: float
    beta: float
    gamma: float
    phi: float
    level: float
    trend: float
    seasons: np.ndarray

    @classmethod
    def fit(cls, series: np.ndarray, season: int, damped: bool) -> "Smoothing":
        """Parameters and initial states, by statsmodels.

        Args:
            series: (rows,) of train.
            season: its length m in steps; 1 for none.
            damped: whether phi is fitted, or is 1.
        """
        from statsmodels.tsa.holtwinters import ExponentialSmoothing

        seasonal = "add" if season > 1 else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an optimiser that stops early
            params = ExponentialSmoothing(
                series, trend="add", damped_trend=damped, seasonal=seasonal,
                seasonal_periods=season if seasonal else None,
                initialization_method="estimated",
            ).fit().params  # fmt: skip
        return cls(
            params["smoothing_level"],
            params["smoothing_trend"],
            params["smoothing_seasonal"] if seasonal else 0.0,
            params["damping_trend"] if damped else 1.0,
            params["initial_level"],
            params["initial_trend"],
            np.array(params["initial_seasons"]) if seasonal else np.zeros(1),
        ).stabilized()

    def stabilized(self) -> "Smoothing":
        """With a gamma of at most 1 - alpha, and smaller, where errors would grow otherwise."""
        model, gamma = self, min(self.gamma, max(1 - self.alpha, 0.0))
        while model.growth_of_errors() > STABLE and model.gamma > 0:
            model = replace(self, gamma=gamma)
            gamma = gamma / 2 if gamma > MIN_GAMMA else 0.0
        return model

    def growth_of_errors(self) -> float:
        """The factor by which an error of the states grows in a season, at most: the spectral
        radius of the updates. 1 is that of a constant, which level and seasons may share."""
        identity = np.eye(2 + len(self.seasons))
        level, trend, seasons = identity[0], identity[1], identity[2:].copy()
        for at in range(len(seasons)):
            level, trend, seasons[at] = self.updated(0.0, level, trend, seasons[at])
        return float(np.abs(np.linalg.eigvals(np.vstack([level, trend, seasons]))).max())

    def __call__(self, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
        """(n, f) forecasts from each origin, in one pass over the series from its first row.

        At origin 7 the states are those after rows 0 to 6.
        """
        level, trend, seasons = self.level, self.trend, self.seasons.copy()
        ahead = np.arange(1, horizon + 1)
        growth = self.growth(horizon)
        index_of = {origin: index for index, origin in enumerate(origins.tolist())}
        forecasts = np.full((len(origins), horizon), np.nan)
        for row in range(int(origins.max()) + 1):
            if row in index_of:
                cycle = seasons[(row + ahead - 1) % len(seasons)]
                forecasts[index_of[row]] = level + growth * trend + cycle
            if row == len(series):
                break
            at = row % len(seasons)
            level, trend, seasons[at] = self.updated(series[row], level, trend, seasons[at])
        return forecasts

    def growth(self, horizon: int) -> np.ndarray:
        """(f,) phi + ... + phi^k for each step k of the horizon."""
        return np.cumsum(self.phi ** np.arange(1, horizon + 1))

    def updated(self, value, level, trend, season):
        """(level, trend, season) after a value; of numbers, or of rows of linear maps.

        The season's innovation is that of the previous level and trend, as in statsmodels.
        """
        damped = self.phi * trend
        new_level = self.alpha * (value - season) + (1 - self.alpha) * (level + damped)
        new_trend = self.beta * (new_level - level) + (1 - self.beta) * damped
        innovation = value - level - damped
        return new_level, new_trend, self.gamma * innovation + (1 - self.gamma) * season

    def after(self, series: np.ndarray) -> "Smoothing":
        """The model whose first step is the one after the series."""
        level, trend, seasons = self.level, self.trend, self.seasons.copy()
        for row, value in enumerate(series):
            at = row % len(seasons)
            level, trend, seasons[at] = self.updated(value, level, trend, seasons[at])
        turned = np.roll(seasons, -(len(series) % len(seasons)))
        return replace(self, level=float(level), trend=float(trend), seasons=turned)
