"""A skip connection without weights where the size changes.

Reference: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
section 3.3, option A.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class PaddedShortcut(keras.layers.Layer):
    """(B, H, W, C) -> (B, ceil(H/stride), ceil(W/stride), filters): every stride-th pixel, and
    channels of zeros for those that are new."""

    def __init__(self, filters: int, stride: int, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.stride = filters, stride

    def call(self, features):
        kept = features[:, :: self.stride, :: self.stride, :]
        return ops.pad(kept, ((0, 0), (0, 0), (0, 0), (0, self.filters - kept.shape[-1])))

    def compute_output_shape(self, shape):
        height, width = (-(-size // self.stride) for size in shape[1:3])
        return (shape[0], height, width, self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "stride": self.stride}
