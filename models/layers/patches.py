"""Patches, class token and learned position embeddings of the Vision Transformer.

Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021,
https://arxiv.org/abs/2010.11929, section 3.1. KerasHub has these layers inside its ViT backbone,
but importing it loads tokenizers and all of tensorflow_text into every training process.
Shapes: B rows, P side of a patch, T tokens, D hidden_dim.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class Patches(keras.layers.Layer):
    """(B, H, W, C) images -> (B, H/P * W/P, P * P * C) flattened patches, row by row.

    Args:
        patch_size: P; it divides H and W.
    """

    def __init__(self, patch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, images):
        _, height, width, channels = images.shape
        size = self.patch_size
        rows, columns = height // size, width // size
        patches = ops.reshape(images, (-1, rows, size, columns, size, channels))
        patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))  # (B, H/P, W/P, P, P, C)
        return ops.reshape(patches, (-1, rows * columns, size * size * channels))

    def compute_output_shape(self, shape):
        rows, columns = shape[1] // self.patch_size, shape[2] // self.patch_size
        return (shape[0], rows * columns, self.patch_size**2 * shape[3])

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


@keras.saving.register_keras_serializable("models")
class ClassToken(keras.layers.Layer):
    """(B, T, D) -> (B, 1 + T, D): prepends a learned token, whose output is classified."""

    def build(self, shape):
        self.token = self.add_weight((1, 1, shape[-1]), "zeros", name="token")

    def call(self, tokens):
        first = ops.broadcast_to(self.token, (ops.shape(tokens)[0], 1, tokens.shape[-1]))
        return ops.concatenate([ops.cast(first, tokens.dtype), tokens], axis=1)

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] + 1, shape[2])


@keras.saving.register_keras_serializable("models")
class LearnedPositions(keras.layers.Layer):
    """(B, T, D) -> (B, T, D): adds a learned vector for each position.

    Attention is equivariant to permutations, so without it the network would not know where in
    the image a patch is.
    """

    def build(self, shape):
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(shape[1:], initializer, name="positions")

    def call(self, tokens):
        return tokens + ops.cast(self.positions, tokens.dtype)

    def compute_output_shape(self, shape):
        return shape
