"""Ridge regression, and a recurrent net for what a linear map cannot say.

References: Lin, Lin, Wu, Chen and Zhou, "SegRNN: Segment Recurrent Neural Network for Long-Term
Time Series Forecasting", 2023, for segments as a recurrent net's steps; Toner and Darlow, "An
Analysis of Linear Time Series Forecasting Models", ICML 2024, for the closed form of the rest.
"""

import keras
from keras import layers

from models.layers.columns import Segments, Together
from models.layers.windowed import RIDGE, say, see
from pipelines.checks import Refused
from pipelines.spec import DataSpec

SMALL = 1e-2  # variance of the correction's first weights, of the usual: it begins near nothing


def ridge_gru_forecaster(
    spec: DataSpec, *, units: int = 64, segment_steps: int = 24, dropout: float = 0.3
) -> keras.Model:
    """A linear map whose weights are solved for, not trained, plus a correction by a GRU that
    reads the history in segments, a few dozen steps where single readings would be hundreds.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.
    Columns see nothing of one another; each has a linear map of its own, and all share the rest.
    The maps are frozen: before training they get the ridge regression of train that val prefers
    (pipelines/forecasting/objective.py); without that they say the window's mean. All quantiles
    have the same. Differs from SegRNN: the linear maps; the window's mean is taken out, not its
    last value; one matrix from the last state to all steps of the future. Refused: segments longer
    than the history.
    """
    steps, columns = spec.inputs["history"].shape
    horizon, quantiles = spec.facts["horizon_steps"], len(spec.facts["quantiles"]) or 1
    if segment_steps > steps:
        raise Refused(
            f"ridge_gru_forecaster: segment_steps {segment_steps} is longer than the history, "
            f"{steps} steps; shorten it"
        )
    inputs, features, level = see(spec, remove_mean=True)
    linear = layers.EinsumDense(
        "bhc,chf->bcf", (columns, horizon), bias_axes="cf", kernel_initializer="zeros", name=RIDGE
    )
    linear.trainable = False
    mapped = layers.Reshape((columns, horizon, 1))(linear(features))
    segments = Segments(segment_steps, name="segments")(features)
    embedded = layers.Dense(units, "relu", name="segment_embedding")(segments)
    state = layers.Dropout(dropout)(layers.GRU(units, unroll=True, name="memory")(embedded))
    small = keras.initializers.VarianceScaling(SMALL)
    change = layers.Dense(horizon * quantiles, kernel_initializer=small, name="outputs")(state)
    change = layers.Reshape((columns, horizon, quantiles))(Together(columns)(change))
    ordered = layers.Permute((2, 1, 3))(layers.Add()([change, mapped]))
    return keras.Model(
        inputs, say(spec, layers.Flatten()(ordered), level), name="ridge_gru_forecaster"
    )
