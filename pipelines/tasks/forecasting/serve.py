"""The served forecaster: recent history in, forecast out, both in physical units."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.forecasting.metrics import Outputs, score, weights
from pipelines.tasks.forecasting.serve_classical import estimator_endpoints, input_signature

__all__ = ["KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "units", "weights"]

KINDS = {
    "history": "series", "known_covariates": "covariates",
    "forecast": "series", "quantiles": "quantiles",
}  # fmt: skip


class Forecaster(tf.Module):
    """The served graph and what it needs: saved together.

    `history` (B, history_steps, columns) float32, oldest first, and, of data with them,
    `known_covariates` (B, history_steps + horizon_steps, covariates) -> `forecast` (B,
    horizon_steps, columns) and, with quantile levels, `quantiles` (B, horizon_steps, columns,
    levels), not decreasing. NaN or infinity in a row makes that row's forecast NaN and no other's.
    """

    def __init__(self, model, spec: DataSpec):
        super().__init__()
        self.model = model
        self.levels = spec.task_metadata["quantiles"]
        signature = input_signature(spec)
        function = self._forecast if len(signature) == 2 else self._forecast_alone
        self.forecast = tf.function(function, input_signature=signature)

    def _forecast_alone(self, history):
        return self._forecast(history, None)

    def _forecast(self, history, known_covariates):
        known = {} if known_covariates is None else {"known_covariates": known_covariates}
        forecast = self.model({"history": history, **known}, training=False)
        if not self.levels:
            return {"forecast": forecast}
        return {"forecast": forecast[..., self.levels.index(0.5)], "quantiles": forecast}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = Forecaster(model, spec)
    return module, {"serving_default": module.forecast}


def units(spec: DataSpec) -> dict[str, str]:
    """Of inputs and outputs; of several columns all distinct units: "load, degC"."""
    unit = spec.inputs["history"].unit
    known = "in the units of the data's columns"
    return {"history": unit, "known_covariates": known, "forecast": unit, "quantiles": unit}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes.

    A network's forecast is the median; a classical one need not be.
    """
    return Outputs(answer["forecast"], answer.get("quantiles"))
