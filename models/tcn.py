"""Temporal convolutional network.

Reference: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling", 2018.
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers.causal_conv import CausalConv1D, covering_dilations, receptive_field
from models.layers.windowed import say, see
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def tcn_forecaster(
    spec: DataSpec,
    *,
    filters: int = 32,
    kernel_size: int = 3,
    dilations: Sequence[int] | None = None,
    dropout: float = 0.1,
    remove_mean: bool = True,
) -> keras.Model:
    """Blocks of causal convolutions, each looking twice as far back as the one before; the last
    step's features, which have seen the whole history, are turned into all steps of the future.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.
    dilations: one block each; null takes 1, 2, 4, ... until the history is covered. UserError: a
    stack that does not see the whole history, or whose widest block sees nothing but padding.
    Differs from the paper: all steps of the future at once; the window's mean is taken out.
    """
    steps = spec.inputs["history"].shape[0]
    dilations = dilations or covering_dilations(kernel_size, steps)
    _check_reach(kernel_size, dilations, steps)
    inputs, features, level = see(spec, remove_mean)
    for number, dilation in enumerate(dilations):
        features = _block(features, filters, kernel_size, dilation, dropout, f"block{number}")
    last = layers.Cropping1D((steps - 1, 0), name="last_step")(features)
    flat = layers.Dense(spec.outputs, name="outputs")(layers.Flatten()(last))
    return keras.Model(inputs, say(spec, flat, level), name="tcn_forecaster")


def _block(features, filters, kernel_size, dilation, dropout, name):
    """Twice convolution, rectifier and dropout, beside a path that skips them."""
    skipped = features
    if features.shape[-1] != filters:
        skipped = layers.Conv1D(filters, 1, name=f"{name}_skip")(features)
    for number in range(2):
        features = CausalConv1D(
            filters, kernel_size, dilation_rate=dilation, activation="relu",
            name=f"{name}_conv{number}",
        )(features)  # fmt: skip
        features = layers.SpatialDropout1D(dropout, name=f"{name}_dropout{number}")(features)
    added = layers.Add(name=f"{name}_sum")([features, skipped])
    return layers.ReLU(name=name)(added)


def _check_reach(kernel_size: int, dilations: Sequence[int], steps: int) -> None:
    reach, wanted = receptive_field(kernel_size, dilations), covering_dilations(kernel_size, steps)
    if reach < steps:
        raise UserError(
            f"tcn_forecaster: kernel_size {kernel_size} and dilations {list(dilations)} see "
            f"{reach} of {steps} steps of history; dilations: {wanted} see them all"
        )
    if (kernel_size - 1) * max(dilations) >= max(steps, kernel_size):
        raise UserError(
            f"tcn_forecaster: dilation {max(dilations)} reaches beyond {steps} steps of history, "
            f"into nothing but padding; dilations: {wanted} are enough"
        )
