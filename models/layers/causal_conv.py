"""Causal convolution in time, with weight normalisation.

References: Salimans and Kingma, "Weight Normalization", NeurIPS 2016; Bai, Kolter and Koltun, "An
Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling", 2018.
"""

from collections.abc import Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class CausalConv1D(keras.layers.Conv1D):
    """(B, T, C) -> (B, T, filters); step t sees steps t - (kernel_size - 1) * dilation_rate to t.

    Each filter is a direction times a length, w = gain * v / |v|, and both are learned, so that the
    size of a step does not depend on the size of the weights. Arguments are Conv1D's; padding is
    always causal: zeros stand before the first step. Gains begin at sqrt(2), which is the length of
    filters that keep the variance of rectified features (He et al. 2015). Differs from the paper:
    that beginning depends on no data.
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs):
        kwargs["padding"] = "causal"
        super().__init__(filters, kernel_size, **kwargs)
        self.gain = None

    def build(self, input_shape):
        super().build(input_shape)
        start = keras.initializers.Constant(2**0.5)
        self.gain = self.add_weight((self.filters,), start, name="gain")

    @property
    def kernel(self):
        direction = super().kernel
        if self.gain is None:
            return direction
        length = ops.sqrt(ops.sum(ops.square(direction), axis=(0, 1)) + 1e-12)
        return direction * (self.gain / length)

    # Conv1D's own two methods know of kernel and bias alone, and would write the normalised kernel.
    def save_own_variables(self, store):
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        keras.layers.Layer.load_own_variables(self, store)


def receptive_field(kernel_size: int, dilations: Sequence[int], convolutions: int = 2) -> int:
    """How many steps, the present one among them, the last feature of a stack of blocks sees."""
    return 1 + convolutions * (kernel_size - 1) * sum(dilations)


def covering_dilations(kernel_size: int, steps: int, convolutions: int = 2) -> list[int]:
    """1, 2, 4, ... : as many as it takes to see `steps` steps."""
    dilations = [1]
    while receptive_field(kernel_size, dilations, convolutions) < steps:
        dilations.append(2 * dilations[-1])
    return dilations
