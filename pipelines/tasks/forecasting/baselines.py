"""Baselines of forecasting. All see what a model sees; exponential smoothing also what came before.

- persistence, seasonal_naive, seasonal_growth, mean_profile: functions of the window.
- ridge: see `pipelines.classical.ridge`.
- smoothing: additive exponential smoothing (Holt 1957, Winters 1960,
  https://doi.org/10.1287/mnsc.6.3.324).
- best: the one with the lowest squared error on val.

Shapes: n windows, h steps of history, f steps of the future, c columns, q quantiles.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipelines.classical.ridge import rolling_origin
from pipelines.preprocessing import windows
from pipelines.spec import DataSpec
from pipelines.tasks.forecasting.metrics import Outputs, row_values

FITTED_ROWS = 3000  # smoothing forgets what came before; fitting takes seconds for so many


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test windows, with row scores) of one baseline at a time.

    Ridge and smoothing select their hyperparameters on val as well; quantiles are those of each
    method's errors on val. seed: nothing is drawn at random.
    """
    levels = spec.facts["quantiles"]
    errors, best = {}, None
    for name, (on_val, on_test, selection) in forecasts(train, val, test, spec):
        missed = np.subtract(val["future"], on_val, dtype=np.float64)
        errors[name] = np.square(missed / spec.facts["std"]).mean()
        quantiles = with_quantiles(missed, on_test, levels) if levels else None
        outputs = Outputs(on_test, quantiles, selection)
        outputs = replace(outputs, row_scores=row_values(outputs, test, spec))
        yield f"baseline_{name}", outputs
        if name == min(errors, key=errors.get):
            best = outputs
    ranked = sorted(errors, key=errors.get)
    listed = ", ".join(f"{name} {errors[name]:.3f}" for name in ranked)
    selection = f"{ranked[0]}, of scaled squared errors on val: {listed}"
    yield "baseline_best", replace(best, selection=selection)


def forecasts(train: dict, val: dict, test: dict, spec: DataSpec) -> Iterator[tuple[str, tuple]]:
    """(name, (forecasts of val, forecasts of test, selected settings)) of one method at a time."""
    horizon, season = spec.facts["horizon_steps"], spec.facts["season_steps"]
    histories = [split["history"] for split in (val, test)]
    yield "persistence", (*(persistence(history, horizon) for history in histories), "")
    if season > 1:
        for method in (seasonal_naive, mean_profile):
            predicted = [method(history, horizon, season) for history in histories]
            yield method.__name__, (*predicted, "")
        reason = growth_undefined([train, val, test], spec)
        if reason:
            print(f"baseline_seasonal_growth: left out; {reason}")
        else:
            predicted = [seasonal_growth(history, horizon, season) for history in histories]
            yield "seasonal_growth", (*predicted, "")
    yield "ridge", ridge(train, val, test, spec)
    reason = smoothing_undefined(train, spec)
    if reason:
        print(f"baseline_smoothing: left out; {reason}")
    else:
        yield "smoothing", smoothing(train, val, test, spec)


def persistence(history: np.ndarray, horizon: int) -> np.ndarray:
    """The last value, repeated: a random walk's forecast."""
    rows, _, columns = history.shape
    return np.broadcast_to(history[:, -1:], (rows, horizon, columns))


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The values one season ago."""
    return history[:, -season:][:, np.arange(horizon) % season]


def seasonal_growth(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """One season ago, times the ratio of the last value to that of a season before it."""
    growth = np.divide(history[:, -1:], history[:, -1 - season : -season], dtype=np.float64)
    return seasonal_naive(history, horizon, season) * growth


def growth_undefined(splits: list[dict], spec: DataSpec) -> str:
    """Why the growth over a season cannot be computed; "" where it can."""
    season, steps = spec.facts["season_steps"], splits[0]["history"].shape[1]
    if spec.facts["horizon_steps"] > season or steps <= season:
        return f"seasons of {season} steps must cover the horizon and be less than the history"
    if min(split["history"].min() for split in splits) <= 0:
        return "some values are not above zero"
    return ""


def mean_profile(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The mean of the same step of the season over all whole seasons of the history."""
    rows, steps, columns = history.shape
    seasons = history[:, steps - steps // season * season :].reshape(rows, -1, season, columns)
    return seasons.mean(axis=1, dtype=np.float64)[:, np.arange(horizon) % season]


def ridge(train: dict, val: dict, test: dict, spec: DataSpec) -> tuple[np.ndarray, np.ndarray, str]:
    """(forecasts of val, forecasts of test, selected settings).

    val is forecast by the model fitted to train alone; so is test with the data set option
    `refit: false`, otherwise by the model fitted to train and val together.
    """
    selection = rolling_origin.choose(train, val, spec)
    fitted = selection.fit()
    final = selection.fit(with_val=True) if spec.facts["refit"] else fitted
    return fitted(val["history"]), final(test["history"]), str(selection)


@dataclass(frozen=True)
class Smoothing:
    """Additive exponential smoothing with fitted parameters.

    Level, trend and season are updated by

        l_t = alpha * (y_t - s_(t-m)) + (1 - alpha) * (l_(t-1) + phi * b_(t-1))
        b_t = beta * (l_t - l_(t-1)) + (1 - beta) * phi * b_(t-1)
        s_t = gamma * (y_t - l_(t-1) - phi * b_(t-1)) + (1 - gamma) * s_(t-m)

    and the forecast k steps ahead is l_t + (phi + ... + phi^k) * b_t + s_(t+k-m), as in statsmodels.
    Args: alpha, beta, gamma, phi as above; level, trend, seasons: the initial states.
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
        """Parameters and initial states, by statsmodels, from one column of train."""
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
        )

    def __call__(self, series: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
        """(n, f) forecasts from each origin, in one run over the series from its first row.

        At origin 7 the states have seen rows 0 to 6.
        """
        level, trend, seasons = self.level, self.trend, self.seasons.copy()
        ahead = np.arange(1, horizon + 1)
        growth = np.cumsum(self.phi**ahead)
        index_of = {origin: index for index, origin in enumerate(origins.tolist())}
        forecasts = np.full((len(origins), horizon), np.nan)
        for row in range(int(origins.max()) + 1):
            if row in index_of:
                cycle = seasons[(row + ahead - 1) % len(seasons)]
                forecasts[index_of[row]] = level + growth * trend + cycle
            if row == len(series):
                break
            at = row % len(seasons)
            # The season's innovation is that of the previous level and trend, as in statsmodels.
            before, damped = level, self.phi * trend
            level = self.alpha * (series[row] - seasons[at]) + (1 - self.alpha) * (level + damped)
            trend = self.beta * (level - before) + (1 - self.beta) * damped
            innovation = series[row] - before - damped
            seasons[at] = self.gamma * innovation + (1 - self.gamma) * seasons[at]
        return forecasts


def smoothing(train: dict, val: dict, test: dict, spec: DataSpec):
    """(forecasts of val, forecasts of test, selected settings), each column by itself.

    Fitted once, to the last FITTED_ROWS of train (or three seasons, if those are longer); a damped
    or an undamped trend, whichever is better on val.
    """
    horizon, season = spec.facts["horizon_steps"], spec.facts["season_steps"]
    parts = [(split["history"], split["future"], split["origin"]) for split in (train, val, test)]
    series, first = windows.join(*parts)
    end = int(train["origin"][-1]) + horizon - first
    begin = max(0, end - max(FITTED_ROWS, 3 * season))
    series, shift = np.asarray(series[begin:], np.float64), first + begin
    origins = [np.asarray(split["origin"]) - shift for split in (val, test)]
    results = []
    for column in range(series.shape[1]):
        values, by_loss = series[:, column], {}
        for damped in (True, False):
            model = Smoothing.fit(values[: end - begin], season, damped)
            forecast = model(values, origins[0], horizon)
            loss = np.square(forecast - val["future"][..., column]).mean()
            by_loss[loss] = (forecast, model, damped)
        forecast, model, damped = by_loss[min(by_loss)]
        results.append((forecast, model(values, origins[1], horizon), damped))
    names = ["damped" if damped else "undamped" for _, _, damped in results]
    stacked = (np.stack(columns, axis=2) for columns in list(zip(*results, strict=True))[:2])
    return *stacked, f"{', '.join(dict.fromkeys(names))} trend"


def smoothing_undefined(train: dict, spec: DataSpec) -> str:
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
