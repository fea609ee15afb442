"""The parameter-free shortcut of a residual network, for where the size changes.

Reference: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.3,
option A, https://arxiv.org/abs/1512.03385.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class PaddedShortcut(keras.layers.Layer):
    """(B, H, W, C) -> (B, ceil(H / stride), ceil(W / stride), filters).

    Subsamples the pixels and fills the new channels with zeros.

    Args:
        filters: number of channels after it, at least C.
        stride: every stride-th row and column is taken.
    """

    def __init__(self, filters: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.stride = filters, stride

    def call(self, features):
        subsampled = features[:, :: self.stride, :: self.stride, :]
        new_channels = self.filters - subsampled.shape[-1]
        return ops.pad(subsampled, ((0, 0), (0, 0), (0, 0), (0, new_channels)))

    def compute_output_shape(self, shape):
        height, width = (-(-size // self.stride) for size in shape[1:3])
        return (shape[0], height, width, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "stride": self.stride}
