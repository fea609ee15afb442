"""The first and the last step of every forecaster: out of physical units, and back into them.

Mean and standard deviation are the train part's, from the spec, and become weights of the model,
so what is trained, evaluated and served takes and gives physical units. Shapes: B rows, H steps of
history, F steps of the future, C columns, Q quantiles.
"""

import keras
import numpy as np
from keras import layers, ops

from pipelines.spec import DataSpec

SEEN, SAID = "seen", "said"  # names of what the network proper reads, and of what it answers
RIDGE = "ridge"  # of a linear map that is solved for, not trained


@keras.saving.register_keras_serializable("models")
class RisingQuantiles(keras.layers.Layer):
    """(..., Q) -> the same values in rising order, so that quantiles never cross.

    Sorting never makes the pinball loss worse. Reference: Chernozhukov, Fernandez-Val and Galichon,
    "Quantile and Probability Curves Without Crossing", Econometrica 78(3), 2010.
    """

    def call(self, values):
        return ops.sort(values, axis=-1)

    def compute_output_shape(self, shape):
        return shape


def see(spec: DataSpec, remove_mean: bool) -> tuple[dict, keras.KerasTensor, keras.KerasTensor]:
    """(inputs, (B, H, C) standardised history, (B, 1, C) mean over each window or None).

    remove_mean: the network then sees only deviations from the window's own mean and forecasts
    deviations from it, so a level that train has never reached changes nothing.
    """
    field = spec.inputs["history"]
    history = keras.Input(field.shape, dtype=field.dtype, name="history")
    scaled = layers.Normalization(**_scale(spec), name="standardised")(history)
    if not remove_mean:
        return {"history": history}, layers.Identity(name=SEEN)(scaled), None
    level = layers.GlobalAveragePooling1D(keepdims=True, name="level")(scaled)
    return {"history": history}, layers.Subtract(name=SEEN)([scaled, level]), level


def say(spec: DataSpec, flat: keras.KerasTensor, level: keras.KerasTensor | None):
    """(B, F * C * Q) standardised, in that order -> (B, F, C), or (B, F, C, Q) with quantiles."""
    columns, quantiles = len(spec.task_metadata["columns"]), spec.task_metadata["quantiles"]
    shape = (spec.task_metadata["horizon_steps"], columns, *([len(quantiles)] if quantiles else []))
    said = layers.Reshape(shape, name=SAID)(flat)
    if level is not None:
        if quantiles:
            level = layers.Reshape((1, columns, 1))(level)
        said = layers.Add(name="with_level")([said, level])
    if quantiles:
        said = RisingQuantiles(name="rising")(said)
    return layers.Normalization(**_scale(spec), invert=True, name="future")(said)


def _scale(spec: DataSpec) -> dict:
    """Columns stand on axis 2, of histories and of futures."""
    variance = np.square(spec.task_metadata["std"]).tolist()
    return {"axis": 2, "mean": spec.task_metadata["mean"], "variance": variance}
