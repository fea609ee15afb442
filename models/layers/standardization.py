"""The first and the last step of every forecaster: physical units to standardized ones and back.

Mean and standard deviation are those of train. They come from the spec and are weights of the
model, so a model is trained, evaluated and served in physical units. Shapes: B rows, H steps of
history, F steps of the future, C columns, Q quantiles.
"""

import keras
import numpy as np
from keras import layers, ops

from pipelines.spec import DataSpec

# Names of the layers before and after the network, between which gradients are measured.
NETWORK_INPUT, NETWORK_OUTPUT = "network_input", "network_output"
RIDGE = "ridge"  # name of a linear map that is fitted in closed form and not trained


@keras.saving.register_keras_serializable("models")
class SortQuantiles(keras.layers.Layer):
    """(..., Q) -> (..., Q), sorted, so that quantiles never cross.

    Sorting never increases the pinball loss. Reference: Chernozhukov, Fernandez-Val and Galichon,
    "Quantile and Probability Curves Without Crossing", 2010, https://doi.org/10.3982/ECTA7880.
    """

    def call(self, values):
        return ops.sort(values, axis=-1)

    def compute_output_shape(self, shape):
        return shape


def standardize(
    spec: DataSpec, remove_mean: bool
) -> tuple[dict, keras.KerasTensor, keras.KerasTensor | None]:
    """Input layer and standardization, x = (history - mean) / std of train.

    Args:
        spec: of a forecasting data set.
        remove_mean: also subtract each window's mean, the level, and let `denormalize` add it
            again. The network then forecasts deviations from the level, so levels outside
            train's range do not matter.

    Returns:
        The model's inputs by name, the standardized history (B, H, C), and the level (B, 1, C) or
        None.
    """
    field = spec.inputs["history"]
    history = keras.Input(field.shape, dtype=field.dtype, name="history")
    x = layers.Normalization(**_statistics(spec), name="standardize")(history)
    if not remove_mean:
        return {"history": history}, layers.Identity(name=NETWORK_INPUT)(x), None
    level = layers.GlobalAveragePooling1D(keepdims=True, name="level")(x)  # (B, 1, C)
    return {"history": history}, layers.Subtract(name=NETWORK_INPUT)([x, level]), level


def denormalize(
    spec: DataSpec, flat: keras.KerasTensor, level: keras.KerasTensor | None
) -> keras.KerasTensor:
    """The forecast in physical units: adds the level, sorts quantiles, multiplies by std.

    Args:
        spec: the spec that `standardize` was given.
        flat: (B, F * C * Q), the network's output, Q innermost.
        level: what `standardize` returned.

    Returns:
        (B, F, C), or (B, F, C, Q) with quantiles.
    """
    columns, quantiles = len(spec.task_metadata["columns"]), spec.task_metadata["quantiles"]
    shape = (spec.task_metadata["horizon_steps"], columns, *([len(quantiles)] if quantiles else []))
    forecast = layers.Reshape(shape, name=NETWORK_OUTPUT)(flat)
    if level is not None:
        if quantiles:
            level = layers.Reshape((1, columns, 1))(level)
        forecast = layers.Add(name="add_level")([forecast, level])
    if quantiles:
        forecast = SortQuantiles(name="sort_quantiles")(forecast)
    return layers.Normalization(**_statistics(spec), invert=True, name="denormalize")(forecast)


def _statistics(spec: DataSpec) -> dict:
    """Columns are axis 2 of histories and of futures."""
    variance = np.square(spec.task_metadata["std"]).tolist()
    return {"axis": 2, "mean": spec.task_metadata["mean"], "variance": variance}
