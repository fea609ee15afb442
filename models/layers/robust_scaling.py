"""The first and the last step of a detector's network: physical units to spreads of train and back.

Median and spread come from the spec and are part of the model, so a model is trained, evaluated
and served in physical units.
"""

import keras
import numpy as np
from keras import layers

from pipelines.spec import DataSpec

LIMIT = 10.0  # spreads from the median: a reading further away looks as if it were there


def scale(spec: DataSpec) -> tuple[dict, keras.KerasTensor]:
    """Input layer and x = (history - median) / spread, clipped to -LIMIT ... LIMIT.

    Args:
        spec: of a data set of anomaly detection.

    Returns:
        The model's inputs by name, and the scaled history (B, T, C).
    """
    field = spec.inputs["history"]
    history = keras.Input(field.shape, dtype=field.dtype, name="history")
    centre, spread = _statistics(spec)
    # Moved up by LIMIT, so that a rectifier with a maximum clips at both ends.
    moved = {"mean": (centre - LIMIT * spread).tolist(), "variance": np.square(spread).tolist()}
    x = layers.Normalization(axis=2, **moved, name="scale")(history)
    x = layers.ReLU(max_value=2 * LIMIT, name="clip")(x)
    return {"history": history}, layers.Rescaling(1.0, offset=-LIMIT, name="scaled")(x)


def unscale(spec: DataSpec, x: keras.KerasTensor) -> keras.KerasTensor:
    """(B, T, C) in spreads -> readings in physical units."""
    centre, spread = _statistics(spec)
    return layers.Normalization(
        axis=2,
        mean=centre.tolist(),
        variance=np.square(spread).tolist(),
        invert=True,
        name="unscale",
    )(x)


def _statistics(spec: DataSpec) -> tuple[np.ndarray, np.ndarray]:
    return np.array(spec.task_metadata["centre"]), np.array(spec.task_metadata["scale"])
