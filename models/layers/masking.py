"""Layers that keep padding from having any influence on the output.

Keras's implicit masks end at the first layer that does not pass them on, and convolutions do not.
Here the token ids are a second argument, so the mask cannot get lost.
Shapes: B rows, T positions, D channels. Id 0 is padding.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class MaskPadding(keras.layers.Layer):
    """(B, T, D) features and (B, T) ids -> (B, T, D), 0 where the id is padding."""

    def call(self, features, ids):
        return features * _token_mask(ids, features.dtype)

    def compute_output_shape(self, features_shape, ids_shape):
        return features_shape


@keras.saving.register_keras_serializable("models")
class MaskedMaxPooling(keras.layers.Layer):
    """(B, T, D) features and (B, T) ids -> (B, D), the maximum over positions with a token.

    A row of padding alone gives 0.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True  # accepts an implicit mask, and ignores it: ids are enough

    def compute_mask(self, features, ids, mask=None):
        return None

    def call(self, features, ids):
        mask = _token_mask(ids, features.dtype)  # (B, T, 1)
        lowest = ops.cast(-1e9 if features.dtype == "float32" else -6e4, features.dtype)
        maximum = ops.max(ops.where(mask > 0, features, lowest), axis=1)  # (B, D)
        return maximum * ops.max(mask, axis=1)

    def compute_output_shape(self, features_shape, ids_shape):
        return (features_shape[0], features_shape[2])


@keras.saving.register_keras_serializable("models")
class MaskedMeanPooling(keras.layers.Layer):
    """(B, T, D) features and (B, T) ids -> (B, D), the mean over positions with a token.

    A row of padding alone gives 0.
    """

    def call(self, features, ids):
        mask = _token_mask(ids, features.dtype)  # (B, T, 1)
        count = ops.sum(mask, axis=1)
        return ops.sum(features * mask, axis=1) / ops.maximum(count, ops.ones_like(count))

    def compute_output_shape(self, features_shape, ids_shape):
        return (features_shape[0], features_shape[2])


def _token_mask(ids, dtype):
    """(B, T) ids -> (B, T, 1), 1 where there is a token."""
    return ops.expand_dims(ops.cast(ops.not_equal(ids, 0), dtype), -1)
