"""What a model must beat. All see what a model sees, and ETS also what came before the window.

Shapes: n windows, h steps of history, f steps of the future, c columns, q quantiles.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from pipelines.classical.ridge import rolling_origin
from pipelines.preprocessing import windows
from pipelines.spec import DataSpec

FITTED_ROWS = 3000  # its states forget what came before; fitting takes seconds for so many


def persistence(history: np.ndarray, horizon: int) -> np.ndarray:
    """The last value, again and again."""
    rows, _, columns = history.shape
    return np.broadcast_to(history[:, -1:], (rows, horizon, columns))


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The same as one season ago."""
    return history[:, -season:][:, np.arange(horizon) % season]


def seasonal_growth(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """One season ago, times how much higher the last value is than that of a season before it."""
    growth = np.divide(history[:, -1:], history[:, -1 - season : -season], dtype=np.float64)
    return seasonal_naive(history, horizon, season) * growth


def ungrowing(parts: list[dict], spec: DataSpec) -> str:
    """Why a season's growth cannot be told; "" where it can."""
    season, steps = spec.facts["season_steps"], parts[0]["history"].shape[1]
    if spec.facts["horizon_steps"] > season or steps <= season:
        return f"seasons of {season} steps must cover the horizon and be less than the history"
    if min(part["history"].min() for part in parts) <= 0:
        return "some values are not above zero"
    return ""


def mean_profile(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The mean of the same moment in all whole seasons of the history."""
    rows, steps, columns = history.shape
    seasons = history[:, steps - steps // season * season :].reshape(rows, -1, season, columns)
    return seasons.mean(axis=1, dtype=np.float64)[:, np.arange(horizon) % season]


def ridge(train: dict, val: dict, test: dict, spec: DataSpec) -> tuple[np.ndarray, np.ndarray, str]:
    """(forecasts of val, forecasts of test, what was chosen).

    val is forecast by the machine fitted on train alone; so is test where the data set's options
    say `refit: false`, otherwise by the one fitted on train and val together.
    """
    chosen = rolling_origin.choose(train, val, spec)
    fitted = chosen.fit()
    final = chosen.fit(with_val=True) if spec.facts["refit"] else fitted
    return fitted(val["history"]), final(test["history"]), str(chosen)


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


def smoothing(train: dict, val: dict, test: dict, spec: DataSpec):
    """(forecasts of val, forecasts of test, what was chosen), each column by itself.

    Fitted once, on the last FITTED_ROWS of train (or three seasons, if those are longer); a damped
    or an undamped trend, whichever is better on val.
    """
    horizon, season = spec.facts["horizon_steps"], spec.facts["season_steps"]
    parts = [(part["history"], part["future"], part["origin"]) for part in (train, val, test)]
    series, first = windows.concat_windows(*parts)
    end = int(train["origin"][-1]) + horizon - first
    begin = max(0, end - max(FITTED_ROWS, 3 * season))
    series, shift = np.asarray(series[begin:], np.float64), first + begin
    origins = [np.asarray(part["origin"]) - shift for part in (val, test)]
    found = []
    for column in range(series.shape[1]):
        own, tried = series[:, column], {}
        for damped in (True, False):
            machine = Smoothing.fit(own[: end - begin], season, damped)
            forecast = machine(own, origins[0], horizon)
            loss = np.square(forecast - val["future"][..., column]).mean()
            tried[loss] = (forecast, machine, damped)
        forecast, machine, damped = tried[min(tried)]
        found.append((forecast, machine(own, origins[1], horizon), damped))
    names = ["damped" if damped else "undamped" for _, _, damped in found]
    stacked = (np.stack(parts, axis=2) for parts in list(zip(*found, strict=True))[:2])
    return *stacked, f"{', '.join(dict.fromkeys(names))} trend"


def unsmoothable(train: dict, spec: DataSpec) -> str:
    """Why exponential smoothing cannot be fitted; "" where it can."""
    season, steps = spec.facts["season_steps"], train["history"].shape[1]
    rows = int(train["origin"][-1] - train["origin"][0]) + steps + spec.facts["horizon_steps"]
    if season > 1 and rows < 2 * season:
        return f"train has {rows} rows, and its seasons need two of {season} steps"
    return ""


def with_quantiles(missed, forecast, levels) -> np.ndarray:
    """(n, f, c, q): forecasts shifted by the quantiles of `missed`, val minus its forecasts."""
    errors = np.quantile(missed, levels, axis=0)  # (q, f, c)
    return forecast[..., None] + np.moveaxis(errors, 0, -1)
