"""Mean of a ridge regression and a segment recurrent network, fitted independently.

References: Lin, Lin, Wu, Chen and Zhou, "SegRNN: Segment Recurrent Neural Network for Long-Term
Time Series Forecasting", 2023, https://arxiv.org/abs/2308.11200; Toner and Darlow, "An Analysis of
Linear Time Series Forecasting Models", ICML 2024, https://arxiv.org/abs/2403.14587; Bates and
Granger, "The Combination of Forecasts", 1969, https://doi.org/10.1057/jors.1969.103.
"""

import keras
from keras import layers

from models.layers.ensembles import BlendWithFixed
from models.layers.segrnn import MergeChannels, ParallelDecoderStates, Segments
from models.layers.standardization import RIDGE, denormalize, standardize
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def ridge_gru_forecaster(
    spec: DataSpec, *, units: int = 128, segment_steps: int = 24, dropout: float = 0.5
) -> keras.Model:
    """Forecast combination of SegRNN (Lin et al. 2023) and a linear map in closed form.

    SegRNN's GRU reads the history in segments of `segment_steps` steps, so it makes tens of
    recurrent steps instead of hundreds and gradients have a short way. A decoder then gives all
    segments of the forecast in parallel, see `ParallelDecoderStates`. The linear map is the ridge
    regression of train, which the objective's hook (pipelines/tasks/forecasting/objective.py) sets
    before training; it is frozen, and without the hook it forecasts the window's mean. Averaging
    two forecasts with nearly independent errors reduces the error's variance. In training the GRU
    is fitted alone, so it learns the future and not the residuals of the linear map.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.
    Columns do not see one another (channel independence). Each column has its own linear map and
    its own embedding in the GRU's decoder; all other weights are shared. With quantiles, the mean
    is that of the medians, and the other quantiles move along.

    Differs from the paper: the combination; quantiles; the window's mean is removed as well.

    Args:
        spec: of a forecasting data set.
        units: U, state size of the GRU and dimension of a segment's embedding.
        segment_steps: S, steps of a segment; the forecast's last segment may be cut off.
        dropout: rate on the decoder's states.

    Raises:
        UserError: segment_steps is larger than the number of history steps.
    """
    steps = spec.inputs["history"].shape[0]
    if segment_steps > steps:
        raise UserError(
            "segment-too-long",
            f"a segment of {segment_steps} steps is longer than the history, {steps} steps; "
            "choose a smaller number",
            key="build.segment_steps", value=segment_steps,
        )  # fmt: skip
    quantiles = list(spec.task_metadata["quantiles"])
    inputs, x, level = standardize(spec, remove_mean=True)  # (B, H, C)
    trained = _segrnn(spec, x, units, segment_steps, dropout)  # (B, C, F, Q)
    median = quantiles.index(0.5) if quantiles else 0
    blended = BlendWithFixed(median, name="blend")([trained, _ridge(spec, x)])
    flat = layers.Flatten()(layers.Permute((2, 1, 3))(blended))  # (B, F * C * Q)
    return keras.Model(inputs, denormalize(spec, flat, level), name="ridge_gru_forecaster")


def _ridge(spec: DataSpec, x: keras.KerasTensor) -> keras.KerasTensor:
    """(B, H, C) -> (B, C, F, 1), by a frozen linear map for each column."""
    columns, horizon = x.shape[2], spec.task_metadata["horizon_steps"]
    linear = layers.EinsumDense(
        "bhc,chf->bcf", (columns, horizon), bias_axes="cf", kernel_initializer="zeros", name=RIDGE
    )
    linear.trainable = False
    return layers.Reshape((columns, horizon, 1))(linear(x))


def _segrnn(
    spec: DataSpec, x: keras.KerasTensor, units: int, segment_steps: int, dropout: float
) -> keras.KerasTensor:
    """(B, H, C) -> (B, C, F, Q), deviations from the last value, which is added at the end."""
    steps, columns = x.shape[1:]
    horizon, quantiles = (
        spec.task_metadata["horizon_steps"],
        len(spec.task_metadata["quantiles"]) or 1,
    )
    count = -(-horizon // segment_steps)  # M, segments of the forecast
    last = layers.Cropping1D((steps - 1, 0), name="last")(x)  # (B, 1, C)
    segments = Segments(segment_steps, name="segments")(layers.Subtract()([x, last]))
    embedded = layers.Dense(units, "relu", name="segment_embedding")(segments)  # (B*C, H/S, U)
    state = layers.GRU(units, unroll=True, name="encoder")(embedded)  # (B*C, U)
    states = ParallelDecoderStates(count, columns, name="decoder_states")(state)  # (B*C, M, U)
    states = layers.Dropout(dropout)(states)
    change = layers.Dense(segment_steps * quantiles, name="outputs")(states)  # (B*C, M, S*Q)
    change = MergeChannels(columns)(layers.Flatten()(change))  # (B, C, M*S*Q)
    change = layers.Reshape((columns, count * segment_steps, quantiles))(change)
    change = layers.Cropping2D(((0, 0), (0, count * segment_steps - horizon)))(change)
    return layers.Add()([change, layers.Reshape((columns, 1, 1))(last)])  # (B, C, F, Q)
