"""Layers that keep padding from having any influence on a result.

Keras's implicit masks end at the first layer that does not pass them on, and convolutions do not.
Here the token ids themselves are the second argument, so nothing can be lost on the way.
Shapes: B rows, T positions, C channels. Id 0 is padding.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class MaskPadding(keras.layers.Layer):
    """(B, T, C) features and (B, T) ids -> the features, 0 where the id is padding."""

    def call(self, features, ids):
        return features * _real(ids, features.dtype)

    def compute_output_shape(self, features_shape, ids_shape):
        return features_shape


@keras.saving.register_keras_serializable("models")
class MaskedMaxPooling(keras.layers.Layer):
    """(B, T, C) features and (B, T) ids -> (B, C), the maximum over positions that hold a token.

    A row of padding alone gives 0.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # the ids say it all; an implicit mask ends here unread

    def compute_mask(self, features, ids, mask=None):
        return None

    def call(self, features, ids):
        real = _real(ids, features.dtype)
        lowest = ops.cast(-1e9 if features.dtype == "float32" else -6e4, features.dtype)
        peaks = ops.max(ops.where(real > 0, features, lowest), axis=1)
        return peaks * ops.max(real, axis=1)

    def compute_output_shape(self, features_shape, ids_shape):
        return (features_shape[0], features_shape[2])


@keras.saving.register_keras_serializable("models")
class MaskedMeanPooling(keras.layers.Layer):
    """(B, T, C) features and (B, T) ids -> (B, C), the mean over positions that hold a token.

    A row of padding alone gives 0.
    """

    def call(self, features, ids):
        real = _real(ids, features.dtype)
        count = ops.sum(real, axis=1)
        return ops.sum(features * real, axis=1) / ops.maximum(count, ops.ones_like(count))

    def compute_output_shape(self, features_shape, ids_shape):
        return (features_shape[0], features_shape[2])


def _real(ids, dtype):
    return ops.expand_dims(ops.cast(ops.not_equal(ids, 0), dtype), -1)
