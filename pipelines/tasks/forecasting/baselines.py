"""Baselines of forecasting. All see what a model sees; exponential smoothing also what came before.

- persistence, seasonal_naive, seasonal_growth, mean_profile: see
  `pipelines.classical.naive_forecasts`.
- ridge: see `pipelines.classical.ridge`.
- smoothing: see `pipelines.classical.exponential_smoothing`.
- best: the one with the lowest squared error on val.

Shapes: n windows, h steps of history, f steps of the future, c columns, q quantiles.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipelines.classical.exponential_smoothing import Smoothing
from pipelines.classical.naive_forecasts import (
    growth_undefined,
    mean_profile,
    persistence,
    seasonal_growth,
    seasonal_naive,
)
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
    levels = spec.task_metadata["quantiles"]
    errors, best = {}, None
    for name, (on_val, on_test, selection) in forecasts(train, val, test, spec):
        missed = np.subtract(val["future"], on_val, dtype=np.float64)
        errors[name] = np.square(missed / spec.task_metadata["std"]).mean()
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
    horizon, season = spec.task_metadata["horizon_steps"], spec.task_metadata["season_steps"]
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


def ridge(train: dict, val: dict, test: dict, spec: DataSpec) -> tuple[np.ndarray, np.ndarray, str]:
    """(forecasts of val, forecasts of test, selected settings).

    val is forecast by the model fitted to train alone; so is test with the data set option
    `refit: false`, otherwise by the model fitted to train and val together.
    """
    selection = rolling_origin.choose(train, val, spec)
    fitted = selection.fit()
    final = selection.fit(with_val=True) if spec.task_metadata["refit"] else fitted
    return fitted(val["history"]), final(test["history"]), str(selection)


def smoothing(train: dict, val: dict, test: dict, spec: DataSpec):
    """(forecasts of val, forecasts of test, selected settings), each column by itself.

    Fitted once, to the last FITTED_ROWS of train (or three seasons, if those are longer); a damped
    or an undamped trend, whichever is better on val.
    """
    horizon, season = spec.task_metadata["horizon_steps"], spec.task_metadata["season_steps"]
    parts = [(split["history"], split["future"], split["origin"]) for split in (train, val, test)]
    series, first = windows.concat_windows(*parts)
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
    season, steps = spec.task_metadata["season_steps"], train["history"].shape[1]
    rows = (
        int(train["origin"][-1] - train["origin"][0]) + steps + spec.task_metadata["horizon_steps"]
    )
    if season > 1 and rows < 2 * season:
        return f"train has {rows} rows, and its seasons need two of {season} steps"
    return ""


def with_quantiles(missed, forecast, levels) -> np.ndarray:
    """(n, f, c, q): forecasts shifted by the quantiles of `missed`, val minus its forecasts."""
    errors = np.quantile(missed, levels, axis=0)  # (q, f, c)
    return forecast[..., None] + np.moveaxis(errors, 0, -1)
