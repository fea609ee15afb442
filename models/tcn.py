"""Temporal convolutional network.

Reference: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling", 2018, https://arxiv.org/abs/1803.01271.
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers.causal_conv import (
    Norm,
    covering_dilations,
    receptive_field,
    residual_block,
)
from models.layers.sequence_inputs import answers_every_step, read_sequence, total_steps
from models.layers.standardization import denormalize, standardize
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
    """Residual blocks of dilated causal convolutions, after Bai et al. 2018.

    Causal: the output at step t depends on no later step. Dilated: a filter's taps are d steps
    apart, and d doubles from block to block, so the receptive field grows exponentially with
    depth. With two convolutions of kernel size k in each block it is

        1 + 2 (k - 1) (1 + 2 + 4 + ...)  steps.

    The features of the last step, whose receptive field covers the whole history, go through a
    linear layer that gives all steps of the forecast. All steps of the history are computed in
    parallel, unlike in a recurrent network.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.

    Differs from the paper: direct multi-step forecast; the window's mean is removed.

    Args:
        spec: of a forecasting data set.
        filters: of every convolution.
        kernel_size: taps of every filter.
        dilations: dilation of each block; null takes 1, 2, 4, ... until the history is covered.
        dropout: rate of spatial dropout, which drops whole channels, after each convolution.
        remove_mean: forecast deviations from the window's mean, see layers/standardization.py.

    Raises:
        UserError: the receptive field does not cover the history, or a dilation is so large that
            a filter sees padding only.
    """
    steps = spec.inputs["history"].shape[0]
    dilations = dilations or covering_dilations(kernel_size, steps)
    _check_receptive_field(kernel_size, dilations, steps)
    inputs, x, level = standardize(spec, remove_mean)  # (B, H, C)
    for number, dilation in enumerate(dilations):
        # (B, H, filters)
        x = residual_block(x, filters, kernel_size, dilation, dropout, f"block{number}")
    last = layers.Cropping1D((steps - 1, 0), name="last_step")(x)  # (B, 1, filters)
    flat = layers.Dense(spec.outputs, name="outputs")(layers.Flatten()(last))  # (B, F * C * Q)
    return keras.Model(inputs, denormalize(spec, flat, level), name="tcn_forecaster")


def tcn_sequence_model(
    spec: DataSpec,
    *,
    filters: int = 32,
    kernel_size: int = 7,
    dilations: Sequence[int] | None = None,
    dropout: float = 0.0,
    norm: Norm = "weight",
) -> keras.Model:
    """The same blocks for a sequence of any kind: an output at every step, or at the last one.

    Every convolution pads with zeros on the left alone, so that a sequence of T steps gives T
    outputs, and output t sees the steps 1 to t.

    Input: (B, T, C) numbers or (B, T) ids. Output: (B, T, outputs) where the target has a value at
    each step, else (B, outputs) of the last step.

    Differs from the paper: ids are one-hot vectors, not numbers.

    Args:
        spec: of a data set of sequences.
        filters: of every convolution.
        kernel_size: taps of every filter.
        dilations: dilation of each block; null takes 1, 2, 4, ... until the sequence is covered.
        dropout: rate of spatial dropout after each convolution.
        norm: what each convolution is normalised by: "weight", the length of its filters, as in the
            paper (layers/causal_conv.py); "batch", mean and variance of its outputs in the batch
            (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167); or "none".

    Raises:
        UserError: the receptive field does not cover the sequence, or a dilation is so large that
            a filter sees padding only.
    """
    steps = total_steps(spec)
    dilations = dilations or covering_dilations(kernel_size, steps)
    _check_receptive_field(kernel_size, dilations, steps)
    inputs, x = read_sequence(spec)  # (B, T, C)
    for number, dilation in enumerate(dilations):
        x = residual_block(x, filters, kernel_size, dilation, dropout, f"block{number}", norm)
    if not answers_every_step(spec):
        last = layers.Cropping1D((steps - 1, 0), name="last_step")(x)  # (B, 1, filters)
        x = layers.Flatten()(last)
    outputs = layers.Dense(spec.outputs, name="outputs")(x)  # (B, outputs) or (B, T, outputs)
    return keras.Model({inputs.name: inputs}, outputs, name="tcn_sequence_model")


def _check_receptive_field(kernel_size: int, dilations: Sequence[int], steps: int) -> None:
    covered = receptive_field(kernel_size, dilations)
    sufficient = covering_dilations(kernel_size, steps)
    if covered < steps:
        raise UserError(
            "receptive-field-too-small",
            f"kernel_size {kernel_size} and dilations {list(dilations)} cover {covered} of {steps} "
            f"steps; dilations: {sufficient} cover them all",
            key="build.dilations", value=list(dilations),
        )  # fmt: skip
    if (kernel_size - 1) * max(dilations) >= max(steps, kernel_size):
        raise UserError(
            "dilation-too-large",
            f"with dilation {max(dilations)} a filter reaches beyond {steps} steps and sees "
            f"padding only; dilations: {sufficient} are sufficient",
            key="build.dilations", value=list(dilations),
        )  # fmt: skip
