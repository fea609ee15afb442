"""Dilated causal convolution with weight normalisation, blocks of it, and their receptive field.

References: Bai, Kolter and Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
Networks for Sequence Modeling", 2018, https://arxiv.org/abs/1803.01271; Salimans and Kingma,
"Weight Normalization", NeurIPS 2016, https://arxiv.org/abs/1602.07868.
"""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers, ops

Norm = Literal["weight", "batch", "none"]


@keras.saving.register_keras_serializable("models")
class CausalConv1D(keras.layers.Conv1D):
    """(B, T, C) -> (B, T, filters), y_t = sum_k w_k x_(t - k d), k = 0 ... kernel_size - 1.

    Causal: step t sees no later step; zeros are padded before the first one. Dilated: the taps are
    d = dilation_rate steps apart. Each filter is normalised, w = gain * v / |v|; its direction v
    and its length, gain, are learned separately, so the size of an update does not depend on the
    size of the weights. Gains start at sqrt(2), the length of filters that keep the variance of
    rectified features (He et al. 2015, https://arxiv.org/abs/1502.01852). Differs from Salimans
    and Kingma, who initialise the gain from data.

    Args:
        filters: number of filters.
        kernel_size: taps of a filter.
        **kwargs: of `keras.layers.Conv1D`, except `padding`.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs):
        kwargs["padding"] = "causal"
        super().__init__(filters, kernel_size, **kwargs)
        self.gain = None

    def build(self, input_shape):
        super().build(input_shape)
        initializer = keras.initializers.Constant(2**0.5)
        self.gain = self.add_weight((self.filters,), initializer, name="gain")

    @property
    def kernel(self):
        direction = super().kernel
        if self.gain is None:
            return direction
        length = ops.sqrt(ops.sum(ops.square(direction), axis=(0, 1)) + 1e-12)  # (filters,)
        return direction * (self.gain / length)

    # Conv1D's methods save kernel and bias alone, and would save the normalised kernel.
    def save_own_variables(self, store):
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        keras.layers.Layer.load_own_variables(self, store)


def receptive_field(kernel_size: int, dilations: Sequence[int], convolutions: int = 2) -> int:
    """Number of steps, the present one included, that the last output of a stack depends on.

        1 + convolutions * (kernel_size - 1) * sum(dilations)

    Args:
        kernel_size: taps of each convolution.
        dilations: dilation of each block.
        convolutions: number of convolutions in a block.
    """
    return 1 + convolutions * (kernel_size - 1) * sum(dilations)


def covering_dilations(kernel_size: int, steps: int, convolutions: int = 2) -> list[int]:
    """The shortest 1, 2, 4, ... whose receptive field covers `steps` steps."""
    dilations = [1]
    while receptive_field(kernel_size, dilations, convolutions) < steps:
        dilations.append(2 * dilations[-1])
    return dilations


def residual_block(
    x, filters: int, kernel_size: int, dilation: int, dropout: float, name: str,
    norm: Norm = "weight",
):  # fmt: skip
    """(B, T, C) -> (B, T, filters): relu(x + f(x)), f twice convolution, relu and dropout.

    Args:
        x: (B, T, C); where C is not `filters`, a convolution of one tap brings it to them.
        filters: of every convolution.
        kernel_size: taps of every filter.
        dilation: steps between the taps.
        dropout: rate of spatial dropout, which drops whole channels.
        name: of the block; its layers' names begin so.
        norm: what each convolution is normalised by, see `models.tcn.tcn_sequence_model`.
    """
    skip = x
    if x.shape[-1] != filters:
        skip = layers.Conv1D(filters, 1, name=f"{name}_skip")(x)
    for number in range(2):
        x = _convolution(x, filters, kernel_size, dilation, f"{name}_conv{number}", norm)
        x = layers.SpatialDropout1D(dropout, name=f"{name}_dropout{number}")(x)
    return layers.ReLU(name=name)(layers.Add(name=f"{name}_sum")([x, skip]))


def _convolution(x, filters: int, kernel_size: int, dilation: int, name: str, norm: Norm):
    """(B, T, C) -> (B, T, filters): causal convolution, normalised, and relu."""
    if norm == "weight":
        return CausalConv1D(
            filters, kernel_size, dilation_rate=dilation, activation="relu", name=name
        )(x)
    is_batch = norm == "batch"  # its shift takes the place of the bias
    x = layers.Conv1D(
        filters, kernel_size, padding="causal", dilation_rate=dilation, use_bias=not is_batch,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    if is_batch:
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
