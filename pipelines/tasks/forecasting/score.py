"""How good a forecaster is, beside what it must beat."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.forecasting import baselines as reference
from pipelines.tasks.forecasting import figures, input_gradients
from pipelines.tasks.forecasting.metrics import Outputs, outputs_of, score, weights
from pipelines.tasks.forecasting.reporting import STRONG

__all__ = ["baselines", "draw", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision: DecisionRule, assets=None) -> Outputs:
    """What the model forecasts from each window. Numbers need no assets to be told."""
    model.compile(jit_compile=False)  # as it is served, to the last bit
    history = {"history": np.asarray(columns["history"])}
    said = model.predict(history, batch_size=256, verbose=0)
    return outputs_of(said, spec)


def baselines(train: dict, val: dict, test: dict, spec: DataSpec, seed: int) -> dict:
    """Outputs on the test windows of trivial and of strong classical methods.

    The strong ones are ridge and exponential smoothing; `baseline_best` is whichever of all has
    the lowest squared error on val, by which those two choose as well. Quantiles are those of each
    method's errors on val.
    """
    levels = spec.task_metadata["quantiles"]
    outputs, errors = {}, {}
    for name, (on_val, on_test, chosen) in forecasts(train, val, test, spec):
        missed = np.subtract(val["future"], on_val, dtype=np.float64)
        errors[name] = np.square(missed / spec.task_metadata["std"]).mean()
        quantiles = reference.with_quantiles(missed, on_test, levels) if levels else None
        outputs[f"baseline_{name}"] = Outputs(on_test, quantiles, chosen)
    best = min(errors, key=errors.get)
    taken = outputs[f"baseline_{best}"]
    listed = ", ".join(f"{name} {errors[name]:.3f}" for name in sorted(errors, key=errors.get))
    chosen = f"{best}, of scaled squared errors on val: {listed}"
    return outputs | {STRONG: Outputs(taken.forecast, taken.quantiles, chosen)}


def forecasts(train: dict, val: dict, test: dict, spec: DataSpec) -> Iterator[tuple[str, tuple]]:
    """(name, (forecasts of val, forecasts of test, what was chosen)) of one method at a time."""
    horizon, season = spec.task_metadata["horizon_steps"], spec.task_metadata["season_steps"]
    pasts = [part["history"] for part in (val, test)]
    yield "persistence", (*(reference.persistence(past, horizon) for past in pasts), "")
    if season > 1:
        for name in ("seasonal_naive", "mean_profile"):
            method = getattr(reference, name)
            yield name, (*(method(past, horizon, season) for past in pasts), "")
        reason = reference.ungrowing([train, val, test], spec)
        if reason:
            print(f"baseline_seasonal_growth: left out; {reason}")
        else:
            said = [reference.seasonal_growth(past, horizon, season) for past in pasts]
            yield "seasonal_growth", (*said, "")
    yield "ridge", reference.ridge(train, val, test, spec)
    reason = reference.unsmoothable(train, spec)
    if reason:
        print(f"baseline_smoothing: left out; {reason}")
    else:
        yield "smoothing", reference.smoothing(train, val, test, spec)


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Forecasts beside what came, error by step, worst windows; gradients through time."""
    figures.forecasts(outputs, test, spec, folder)
    figures.errors_by_step(outputs, test, spec, folder, simple(test, spec))
    figures.worst_windows(outputs, test, spec, folder)
    norms = input_gradients.through_time(model, np.asarray(test["history"]))
    figures.gradients({model.name: norms}, spec, folder)


def simple(test: dict, spec: DataSpec) -> dict[str, np.ndarray]:
    """Forecasts for comparison that need nothing but the window."""
    history, horizon = np.asarray(test["history"]), spec.task_metadata["horizon_steps"]
    found = {"last value": reference.persistence(history, horizon)}
    if spec.task_metadata["season_steps"] > 1:
        season = spec.task_metadata["season_steps"]
        found["one season ago"] = reference.seasonal_naive(history, horizon, season)
    return found
