"""Predictions and metrics of a forecaster."""

import numpy as np

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import trials
from pipelines.tasks.forecasting.metrics import Outputs, outputs_of, score, weights

__all__ = ["Outputs", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision: DecisionRule, assets=None) -> Outputs:
    """The model's forecast from each window. assets: not needed by forecasters."""
    model.compile(jit_compile=False)  # as it is served, to the last bit
    inputs = {name: np.asarray(rows) for name, rows in trials.inputs(columns, spec).items()}
    predicted = model.predict(inputs, batch_size=256, verbose=0)
    return outputs_of(predicted, spec)
