"""What training minimises, what it watches, and how it turns probabilities into a decision."""

import keras
import numpy as np

from pipelines.classes import MONITOR, decide, loss, metrics
from pipelines.spec import DataSpec

__all__ = ["MONITOR", "begin", "decide", "loss", "metrics"]


def begin(model: keras.Model, train: dict, val: dict, spec: DataSpec) -> None:
    """Layers that begin with what can be counted in train read it: the input that they stand on."""
    for layer in model.layers:
        if hasattr(layer, "count"):
            layer.count(train[layer.input.name], np.asarray(train[spec.target]))
