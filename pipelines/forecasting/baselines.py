"""What a model must beat. All see what a model sees, and ETS also what came before the window.

Shapes: n windows, h steps of history, f steps of the future, c columns, q quantiles.
"""

import warnings
from dataclasses import dataclass

import numpy as np

PENALTIES = np.logspace(-4, 4, 17)


def persistence(history: np.ndarray, horizon: int) -> np.ndarray:
    """The last value, again and again."""
    return np.repeat(history[:, -1:], horizon, axis=1)


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The same as one season ago."""
    return history[:, -season:][:, np.arange(horizon) % season]


def mean_profile(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The mean of the same moment in all whole seasons of the history."""
    rows, steps, columns = history.shape
    seasons = history[:, steps - steps // season * season :].reshape(rows, -1, season, columns)
    return seasons.mean(axis=1)[:, np.arange(horizon) % season]


@dataclass(frozen=True)
class Ridge:
    """Linear map of the history's deviations from its own mean: (groups, 1 + h, f) weights, one
    group for all columns or one for each. The constant is in row 0 and is not penalised."""

    weights: np.ndarray

    @classmethod
    def fit(cls, history, future, penalties, shared: bool) -> list["Ridge"]:
        """One machine for each penalty. The penalty is per squared length of the mean feature."""
        level = history.mean(axis=1, keepdims=True)
        past, wanted = (np.moveaxis(x - level, 2, 0) for x in (history, future))  # (c, n, .)
        if shared:
            past, wanted = (x.reshape(1, -1, x.shape[2]) for x in (past, wanted))
        past = np.concatenate([np.ones((*past.shape[:2], 1)), past], axis=2)
        square = past.transpose(0, 2, 1) @ past
        size = np.trace(square[:, 1:, 1:], axis1=1, axis2=2) / (past.shape[2] - 1)
        free = np.diag([0.0] + [1.0] * (past.shape[2] - 1))
        product = past.transpose(0, 2, 1) @ wanted
        return [
            cls(np.linalg.solve(square + penalty * 1e-3 * size[:, None, None] * free, product))
            for penalty in penalties
        ]

    def __call__(self, history: np.ndarray) -> np.ndarray:
        level = history.mean(axis=1, keepdims=True)
        past = np.moveaxis(history - level, 2, 0)
        ahead = past @ self.weights[:, 1:] + self.weights[:, :1]
        return np.moveaxis(ahead, 0, 2) + level


def ridge(train, val, test_history) -> tuple[np.ndarray, np.ndarray, str]:
    """(forecasts of val, forecasts of test, what was chosen).

    train, val: (history, future). Penalty, and one map for all columns or one for each, are chosen
    by the squared error on val; val forecasts are of the machine fitted on train alone, test
    forecasts of the one fitted on train and val together.
    """
    candidates = {}
    for shared in [True, False] if train[0].shape[2] > 1 else [True]:
        for penalty, machine in zip(PENALTIES, Ridge.fit(*train, PENALTIES, shared), strict=True):
            forecast = machine(val[0])
            scale = train[1].std(axis=(0, 1))
            loss = np.square((forecast - val[1]) / scale).mean()
            candidates[loss] = (forecast, shared, penalty)
    forecast, shared, penalty = candidates[min(candidates)]
    both = [np.concatenate(pair) for pair in zip(train, val, strict=True)]
    final = Ridge.fit(*both, [penalty], shared)[0]
    columns = "one map for all columns" if shared else "a map for each column"
    return forecast, final(test_history), f"{columns}, penalty {penalty:.3g}"


@dataclass(frozen=True)
class Smoothing:
    """Additive exponential smoothing (Holt 1957, Winters 1960) with fitted parameters."""

    alpha: float
    beta: float
    gamma: float
    phi: float
    level: float
    trend: float
    seasons: np.ndarray

    @classmethod
    def fit(cls, series: np.ndarray, season: int, damped: bool) -> "Smoothing":
        """Parameters and beginning states, by statsmodels, from one column of train."""
        from statsmodels.tsa.holtwinters import ExponentialSmoothing

        seasonal = "add" if season > 1 else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an optimiser that stops early
            found = ExponentialSmoothing(
                series, trend="add", damped_trend=damped, seasonal=seasonal,
                seasonal_periods=season if seasonal else None,
                initialization_method="estimated",
            ).fit().params  # fmt: skip
        return cls(
            found["smoothing_level"],
            found["smoothing_trend"],
            found["smoothing_seasonal"] if seasonal else 0.0,
            found["damping_trend"] if damped else 1.0,
            found["initial_level"],
            found["initial_trend"],
            np.array(found["initial_seasons"]) if seasonal else np.zeros(1),
        )

    def __call__(self, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
        """(n, f) forecasts from each origin, in one run over the series from its first row.

        At origin 7 the states have seen rows 0 to 6.
        """
        level, trend, seasons = self.level, self.trend, self.seasons.copy()
        ahead = np.arange(1, horizon + 1)
        growth = np.cumsum(self.phi**ahead)
        wanted = {origin: place for place, origin in enumerate(origins.tolist())}
        forecasts = np.full((len(origins), horizon), np.nan)
        for row in range(int(origins.max()) + 1):
            if row in wanted:
                cycle = seasons[(row + ahead - 1) % len(seasons)]
                forecasts[wanted[row]] = level + growth * trend + cycle
            if row == len(series):
                break
            at = row % len(seasons)
            # The season is corrected by what the old level and trend expected, as in statsmodels.
            before, damped = level, self.phi * trend
            level = self.alpha * (series[row] - seasons[at]) + (1 - self.alpha) * (level + damped)
            trend = self.beta * (level - before) + (1 - self.beta) * damped
            innovation = series[row] - before - damped
            seasons[at] = self.gamma * innovation + (1 - self.gamma) * seasons[at]
        return forecasts


def smoothing(series, train_rows: int, val, test_origins, horizon, season):
    """(forecasts of val, forecasts of test, what was chosen), each column by itself.

    series: (rows, c) from the first of train to the last of test. val: (origins, future). Fitted on
    train once; a damped or an undamped trend, whichever is better on val.
    """
    found = []
    for column in range(series.shape[1]):
        own = series[:, column]
        tried = {}
        for damped in (True, False):
            machine = Smoothing.fit(own[:train_rows], season, damped)
            forecast = machine(own, val[0], horizon)
            loss = np.square(forecast - val[1][..., column]).mean()
            tried[loss] = (forecast, machine(own, test_origins, horizon), damped)
        found.append(tried[min(tried)])
    names = ["damped" if damped else "undamped" for _, _, damped in found]
    stacked = (np.stack(parts, axis=2) for parts in list(zip(*found, strict=True))[:2])
    return *stacked, f"{', '.join(dict.fromkeys(names))} trend"


def with_quantiles(val_forecast, val_future, forecast, levels) -> np.ndarray:
    """(n, f, c, q): forecasts shifted by the quantiles of their errors on val, step by step."""
    errors = np.quantile(val_future - val_forecast, levels, axis=0)  # (q, f, c)
    return forecast[..., None] + np.moveaxis(errors, 0, -1)
