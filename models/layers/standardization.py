"""The first and the last step of every forecaster: physical units to standardized ones and back.

Mean and standard deviation are those of train. They come from the spec and are weights of the
model, so a model is trained, evaluated and served in physical units.

Covariates that are known ahead (holidays, prices) are part of the same two steps, so that every
forecaster has them: a series y with covariates k is taken as y_t = g(k_t) + z_t, a dynamic
regression. The network sees and forecasts z; g, a small network with the same weights at every
step, is learned with it, subtracted from the history and added to the forecast.

References: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, chapter
10, https://otexts.com/fpp3/dynamic.html; Das et al., "Long-term Forecasting with TiDE", 2023,
https://arxiv.org/abs/2304.08424, for a network over the covariates of each step.
Shapes: B rows, H steps of history, F steps of the future, C columns, K covariates, Q quantiles.
"""

import keras
import numpy as np
from keras import layers, ops

from pipelines.spec import DataSpec

# Names of the layers before and after the network, between which gradients are measured.
NETWORK_INPUT, NETWORK_OUTPUT = "network_input", "network_output"
KNOWN = "known_covariates"  # the input (B, H + F, K)
EFFECT_UNITS = 16  # hidden units of g: enough for a curve
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
    """Input layers and standardization, x = (history - mean) / std of train.

    Args:
        spec: of a forecasting data set.
        remove_mean: also subtract each window's mean, the level, and let `denormalize` add it
            again. The network then forecasts deviations from the level, so levels outside
            train's range do not matter.

    Returns:
        The model's inputs by name; the standardized history (B, H, C); and what `denormalize` adds:
        the level (B, 1, C), with effects of covariates (B, F, C), or None.
    """
    inputs = {
        name: keras.Input(field.shape, dtype=field.dtype, name=name)
        for name, field in spec.inputs.items()
    }
    x = layers.Normalization(**_statistics(spec), name="standardize")(inputs["history"])
    ahead = None
    if KNOWN in inputs:
        past, ahead = _effects(spec, inputs[KNOWN])
        x = layers.Subtract(name="without_effects")([x, past])
    if not remove_mean:
        return inputs, layers.Identity(name=NETWORK_INPUT)(x), ahead
    level = layers.GlobalAveragePooling1D(keepdims=True, name="level")(x)  # (B, 1, C)
    x = layers.Subtract(name=NETWORK_INPUT)([x, level])
    return inputs, x, level if ahead is None else layers.Add(name="expected")([level, ahead])


def _effects(
    spec: DataSpec, known: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Covariates (B, H + F, K) -> their effects on the history (B, H, C) and the future (B, F, C).

    In units of std. The last layer begins at zero: the network begins as it is without covariates.
    """
    facts = spec.task_metadata
    steps, horizon = spec.inputs["history"].shape[0], facts["horizon_steps"]
    variance = np.square(facts["covariate_std"]).tolist()
    x = layers.Normalization(
        axis=2, mean=facts["covariate_mean"], variance=variance, name="standardize_known"
    )(known)
    x = layers.Dense(EFFECT_UNITS, "relu", name="effect_units")(x)
    x = layers.Dense(
        len(facts["columns"]), use_bias=False, kernel_initializer="zeros", name="effects"
    )(x)
    past = layers.Cropping1D((0, horizon), name="past_effects")(x)
    return past, layers.Cropping1D((steps, 0), name="future_effects")(x)


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
            level = layers.Reshape((level.shape[1], columns, 1))(level)
        forecast = layers.Add(name="add_level")([forecast, level])
    if quantiles:
        forecast = SortQuantiles(name="sort_quantiles")(forecast)
    return layers.Normalization(**_statistics(spec), invert=True, name="denormalize")(forecast)


def _statistics(spec: DataSpec) -> dict:
    """Columns are axis 2 of histories and of futures."""
    variance = np.square(spec.task_metadata["std"]).tolist()
    return {"axis": 2, "mean": spec.task_metadata["mean"], "variance": variance}
