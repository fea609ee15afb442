"""Several questions or captions of one image in a batch, for which the image is encoded once.

Shapes: I images, B rows of questions, R = B / I of them about each image, one image's behind each
other; T tokens of a question, S cells of an image, D dimensions. With R = 1 a row is a question
with its image.
"""

import keras
from keras import layers, ops

from models.layers.attention import head_dim


@keras.saving.register_keras_serializable("models")
class RepeatRows(keras.layers.Layer):
    """(I, ...) arrays of images and (B, ...) of questions -> (B, ...): each question's image."""

    def call(self, of_images, questions):
        count, shape = ops.shape(of_images)[0], of_images.shape[1:]
        times = ops.shape(questions)[0] // count
        repeated = ops.broadcast_to(of_images[:, None], (count, times, *shape))  # (I, R, ...)
        return ops.reshape(repeated, (-1, *shape))

    def compute_output_shape(self, of_images_shape, questions_shape):
        return (questions_shape[0], *of_images_shape[1:])


@keras.saving.register_keras_serializable("models")
class ImageAttention(keras.layers.Layer):
    """(B, T, D) tokens and (I, S, D) cells -> (B, T, D): what each token finds in its image.

    Multi-head attention (Vaswani et al. 2017) with tokens as queries, and cells as keys and values.
    All tokens of an image's questions are the queries of one attention, so that keys and values
    are computed once an image.

    Args:
        hidden_dim: D.
        num_heads: they divide D.
    """

    def __init__(self, hidden_dim: int, num_heads: int, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim, self.num_heads = hidden_dim, num_heads
        self.supports_masking = True  # padding is left out by the layers that pool tokens
        self.attention = layers.MultiHeadAttention(
            num_heads, head_dim(hidden_dim, num_heads), name="attention"
        )

    def build(self, tokens_shape, cells_shape):
        self.attention.build(tokens_shape, cells_shape)

    def call(self, tokens, cells):
        attended = self.attention(self._by_image(tokens, cells), cells)  # (I, R T, D)
        return ops.reshape(attended, ops.shape(tokens))

    def shares(self, tokens, cells):
        """(B, N, T, S): the share of each cell in what each token finds, for every head."""
        _, shares = self.attention(tokens, cells, return_attention_scores=True)
        return shares

    def compute_mask(self, tokens, cells, mask=None):
        return None

    def _by_image(self, tokens, cells):
        """(B, T, D) -> (I, R T, D)."""
        return ops.reshape(tokens, (ops.shape(cells)[0], -1, self.hidden_dim))

    def compute_output_shape(self, tokens_shape, cells_shape):
        return tokens_shape

    def get_config(self):
        return {
            **super().get_config(), "hidden_dim": self.hidden_dim, "num_heads": self.num_heads,
        }  # fmt: skip
