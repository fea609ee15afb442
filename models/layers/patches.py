"""What a Vision Transformer does to a picture before and beside attention.

Shapes: B rows, T tokens, W width. KerasHub has layers for this inside its ViT backbone; they bring
tokenizers and all of tensorflow_text with them into every training process, for twenty lines.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class Patches(keras.layers.Layer):
    """(B, H, W, C) pictures -> (B, H/P * W/P, P * P * C): squares of P pixels, row by row."""

    def __init__(self, patch: int, **kwargs):
        super().__init__(**kwargs)
        self.patch = patch

    def call(self, pictures):
        _, height, width, channels = pictures.shape
        rows, columns, side = height // self.patch, width // self.patch, self.patch
        cut = ops.reshape(pictures, (-1, rows, side, columns, side, channels))
        cut = ops.transpose(cut, (0, 1, 3, 2, 4, 5))
        return ops.reshape(cut, (-1, rows * columns, side * side * channels))

    def compute_output_shape(self, shape):
        rows, columns = shape[1] // self.patch, shape[2] // self.patch
        return (shape[0], rows * columns, self.patch**2 * shape[3])

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


@keras.saving.register_keras_serializable("models")
class ClassToken(keras.layers.Layer):
    """(B, T, W) -> (B, 1 + T, W): a learned token in front, which gathers what the class needs."""

    def build(self, shape):
        self.token = self.add_weight((1, 1, shape[-1]), "zeros", name="token")

    def call(self, tokens):
        first = ops.broadcast_to(self.token, (ops.shape(tokens)[0], 1, tokens.shape[-1]))
        return ops.concatenate([ops.cast(first, tokens.dtype), tokens], axis=1)

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] + 1, shape[2])


@keras.saving.register_keras_serializable("models")
class LearnedPositions(keras.layers.Layer):
    """(B, T, W) -> (B, T, W): a learned vector added for each place; without it attention would
    not know where a patch was."""

    def build(self, shape):
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(shape[1:], start, name="positions")

    def call(self, tokens):
        return tokens + ops.cast(self.positions, tokens.dtype)

    def compute_output_shape(self, shape):
        return shape
