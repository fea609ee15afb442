"""The served forecaster: recent history in, forecast out, both in physical units."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.forecasting.metrics import Outputs, outputs_of, score, weights

__all__ = ["endpoints", "outputs", "score", "units", "weights"]


class Forecaster(tf.Module):
    """Holds all that answering takes, so that it is saved with the graph.

    `history` (B, history_steps, columns) float32, oldest first -> `forecast` (B, horizon_steps,
    columns) and, where levels were asked for, `quantiles` (B, horizon_steps, columns, levels),
    rising. NaN or infinity in a row makes that row's answer NaN; other rows do not suffer.
    """

    def __init__(self, model, spec: DataSpec):
        super().__init__()
        self.model = model
        self.levels = spec.facts["quantiles"]
        shape = (None, *spec.inputs["history"].shape)
        signature = [tf.TensorSpec(shape, tf.float32, name="history")]
        self.forecast = tf.function(self._forecast, input_signature=signature)

    def _forecast(self, history):
        said = self.model({"history": history}, training=False)
        if not self.levels:
            return {"forecast": said}
        return {"forecast": said[..., self.levels.index(0.5)], "quantiles": said}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = Forecaster(model, spec)
    return module, {"serving_default": module.forecast}


def units(spec: DataSpec) -> dict[str, str]:
    """Of what goes in and comes out; several columns have "load, degC", each of theirs once."""
    unit = spec.inputs["history"].unit
    return {"history": unit, "forecast": unit, "quantiles": unit}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes."""
    return outputs_of(answer["quantiles" if spec.facts["quantiles"] else "forecast"], spec)
