"""Baselines of forecasting. All see what a model sees; "smoothing" also what came before.

- persistence, seasonal_naive, seasonal_growth, mean_profile, ridge, window_smoothing: the
  candidates of the experiment that the block of baselines names, see
  `models.classical.forecasters`. The naive ones are computed here where it has only one method.
- smoothing: exponential smoothing of the whole past, with the same parameters.
- best: what that experiment predicts; or smoothing, where its error on val is lower.

Errors on val are those of the metric that forecasts are judged by (MASE). Shapes: n windows, f
steps of the future, c columns.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.classical.forecasters import (
    Forecaster,
    error_quantiles,
    forecaster,
    scaled_error,
)
from pipelines.classical import covariate_effects, forecast_methods, naive_forecasts
from pipelines.evaluation import strong_baselines
from pipelines.preprocessing import windows
from pipelines.spec import DataSpec
from pipelines.tasks.forecasting.metrics import Outputs, row_values


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Forecaster
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test windows, with row scores) of one baseline at a time.

    seed: nothing is drawn at random.
    """
    for name in naive_names(train, val, spec):
        if name not in strong.components:
            naive = forecaster(spec, method=name)
            naive.fit(train, val, seed)
            outputs = strong_baselines.predict(naive, test, spec, Outputs)
            yield f"baseline_{name}", with_scores(outputs, test, spec)
    for name, outputs in strong_baselines.outputs_of(strong, test, spec, Outputs):
        yield name, with_scores(outputs, test, spec)
    best = strong_baselines.predict(strong, test, spec, Outputs)
    reason = forecast_methods.smoothing_undefined(train, spec)
    if reason:
        print(f"baseline_smoothing: left out; {reason}")
    else:
        outputs, error = smoothing(train, val, test, spec, strong)
        yield "baseline_smoothing", with_scores(outputs, test, spec)
        if error < strong.selection.value:
            selection = f"smoothing, MASE on val {error:.3f}; next {best.selection}"
            best = replace(outputs, selection=selection)
    yield "baseline_best", with_scores(best, test, spec)


def naive_names(train: dict, val: dict, spec: DataSpec) -> list[str]:
    """Those that are defined on this data."""
    if spec.task_metadata["season_steps"] == 1:
        return ["persistence"]
    undefined = naive_forecasts.growth_undefined([train, val], spec)
    seasonal = [name for name in forecast_methods.SEASONAL if name != "seasonal_growth"]
    return ["persistence", *seasonal, *([] if undefined else ["seasonal_growth"])]


def with_scores(outputs: Outputs, test: dict, spec: DataSpec) -> Outputs:
    """Forecasts are stored for some windows, their scores for all."""
    return replace(outputs, row_scores=row_values(outputs, test, spec))


def smoothing(
    train: dict, val: dict, test: dict, spec: DataSpec, strong: Forecaster
) -> tuple[Outputs, float]:
    """(outputs on test, error on val) of exponential smoothing from the end of train on.

    Each column by itself, fitted once, to train; a damped or an undamped trend, whichever is better
    on val.
    """
    horizon = spec.task_metadata["horizon_steps"]
    effects = effects_of(strong, spec)
    rests = [covariate_effects.removed(split, effects) for split in (train, val, test)]
    parts = [(split["history"], split["future"], split["origin"]) for split in rests]
    series, first = windows.concat_windows(*parts)
    end = int(train["origin"][-1]) + horizon
    series = np.asarray(series[end - first :], np.float64)
    origins = [np.asarray(split["origin"]) - end for split in (val, test)]
    futures = np.moveaxis(np.asarray(rests[1]["future"]), 2, 0)
    models, results = models_of(strong, rests[0], spec), []
    for values, future, by_trend in zip(series.T, futures, models, strict=True):
        by_damped = {damped: m(values, origins[0], horizon) for damped, m in by_trend.items()}
        errors = {
            damped: np.abs(future - forecast).mean() for damped, forecast in by_damped.items()
        }
        damped = min(errors, key=errors.__getitem__)
        results.append((by_damped[damped], by_trend[damped](values, origins[1], horizon), damped))
    forecasts_of_val, forecasts_of_test, trends = zip(*results, strict=True)
    on_val, on_test = (np.stack(c, axis=2) for c in (forecasts_of_val, forecasts_of_test))
    missed = np.asarray(rests[1]["future"], np.float64) - on_val
    on_test = on_test + covariate_effects.apart(test, effects)[1]
    offsets = error_quantiles(missed, spec.task_metadata["quantiles"])
    quantiles = on_test[..., None] + offsets if offsets.shape[2] else None
    names = dict.fromkeys("damped" if damped else "undamped" for damped in trends)
    outputs = Outputs(on_test, quantiles, f"{', '.join(names)} trend")
    return outputs, scaled_error(missed, spec)


def effects_of(strong: Forecaster, spec: DataSpec) -> np.ndarray:
    """(k, c), those of the models below; none where they are fitted here."""
    component = strong.components.get("window_smoothing")
    return covariate_effects.none(spec) if component is None else component.effects


def models_of(strong: Forecaster, train: dict, spec: DataSpec) -> list:
    """For each column damped -> model: those of the strong experiment, if it has fitted any."""
    component = strong.components.get("window_smoothing")
    if component is None:
        return forecast_methods.smoothing_models(train, spec)
    return component.method.models
