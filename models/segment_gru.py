"""Ridge regression and a recurrent net, fitted apart, whose mean is the forecast.

References: Lin, Lin, Wu, Chen and Zhou, "SegRNN: Segment Recurrent Neural Network for Long-Term
Time Series Forecasting", 2023, for the net; Toner and Darlow, "An Analysis of Linear Time Series
Forecasting Models", ICML 2024, for the closed form of the other half; Bates and Granger, "The
Combination of Forecasts", Operational Research Quarterly 20(4), 1969, for the mean.
"""

import keras
from keras import layers

from models.layers.branches import HalfwayTo
from models.layers.columns import Segments, StatesAhead, Together
from models.layers.windowed import RIDGE, say, see
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def ridge_gru_forecaster(
    spec: DataSpec, *, units: int = 128, segment_steps: int = 24, dropout: float = 0.5
) -> keras.Model:
    """The mean of a linear map whose weights are solved for and of a GRU that reads the history in
    segments, a few dozen steps where single readings would be hundreds. In training the GRU answers
    alone, so it learns the future and not what the map has left of it.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.
    Columns see nothing of one another. Each has a linear map of its own, from deviations from the
    window's mean, and a few weights of the GRU's decoder; the other weights of the GRU they share.
    The maps are frozen: before training they get the ridge regression of train
    (tasks/forecasting/objective.py); without that they say the window's mean. Of quantiles they
    move the median, and the others with it. UserError: segments longer than the history.
    """
    steps, columns = spec.inputs["history"].shape
    if segment_steps > steps:
        raise UserError(
            f"ridge_gru_forecaster: segment_steps {segment_steps} is longer than the history, "
            f"{steps} steps; shorten it"
        )
    quantiles = list(spec.task_metadata["quantiles"])
    inputs, features, level = see(spec, remove_mean=True)
    learned = _recurrent(spec, features, units, segment_steps, dropout)
    middle = quantiles.index(0.5) if quantiles else 0
    both = HalfwayTo(middle, name="mean_of_both")([learned, _linear(spec, features)])
    ordered = layers.Permute((2, 1, 3))(both)
    return keras.Model(
        inputs, say(spec, layers.Flatten()(ordered), level), name="ridge_gru_forecaster"
    )


def _linear(spec: DataSpec, features: keras.KerasTensor) -> keras.KerasTensor:
    """(B, H, C) -> (B, C, F, 1), by a map for each column that is not trained."""
    columns, horizon = features.shape[2], spec.task_metadata["horizon_steps"]
    linear = layers.EinsumDense(
        "bhc,chf->bcf", (columns, horizon), bias_axes="cf", kernel_initializer="zeros", name=RIDGE
    )
    linear.trainable = False
    return layers.Reshape((columns, horizon, 1))(linear(features))


def _recurrent(
    spec: DataSpec, features: keras.KerasTensor, units: int, segment_steps: int, dropout: float
) -> keras.KerasTensor:
    """(B, H, C) -> (B, C, F, Q), as SegRNN: deviations from the last value, segment by segment."""
    steps, columns = features.shape[1:]
    horizon, quantiles = (
        spec.task_metadata["horizon_steps"],
        len(spec.task_metadata["quantiles"]) or 1,
    )
    ahead = -(-horizon // segment_steps)
    last = layers.Cropping1D((steps - 1, 0), name="last")(features)
    segments = Segments(segment_steps, name="segments")(layers.Subtract()([features, last]))
    embedded = layers.Dense(units, "relu", name="segment_embedding")(segments)
    state = layers.GRU(units, unroll=True, name="memory")(embedded)
    states = StatesAhead(ahead, columns, name="states_ahead")(state)
    states = layers.Dropout(dropout)(states)
    change = layers.Dense(segment_steps * quantiles, name="outputs")(states)
    change = Together(columns)(layers.Flatten()(change))
    change = layers.Reshape((columns, ahead * segment_steps, quantiles))(change)
    change = layers.Cropping2D(((0, 0), (0, ahead * segment_steps - horizon)))(change)
    return layers.Add()([change, layers.Reshape((columns, 1, 1))(last)])
