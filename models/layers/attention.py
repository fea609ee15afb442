"""Multi-head attention with cached keys and values, and sinusoidal position encodings.

Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762. Shapes: B rows, T queries, S keys, N heads, H dimension of a head,
D hidden_dim.
"""

import keras
from keras import ops

from pipelines.config.errors import UserError


def head_dim(hidden_dim: int, num_heads: int) -> int:
    """Dimension of each head, hidden_dim / num_heads.

    Raises:
        UserError: num_heads does not divide hidden_dim.
    """
    if num_heads < 1 or hidden_dim % num_heads:
        raise UserError(
            "heads-mismatch",
            f"hidden_dim is {hidden_dim}, which is not a multiple of num_heads, {num_heads}; each "
            "head gets hidden_dim / num_heads dimensions, so change one of them",
            key="build.num_heads", value=num_heads,
        )  # fmt: skip
    return hidden_dim // num_heads


@keras.saving.register_keras_serializable("models")
class CachedAttention(keras.layers.MultiHeadAttention):
    """Keras's multi-head attention in two steps, so that keys and values can be cached.

    Each of the N heads computes scaled dot-product attention,

        attention(Q, K, V) = softmax(Q K^T / sqrt(H)) V,

    with projections of its own for Q, K and V; the heads' outputs are concatenated and projected.
    Decoding token by token projects each token once and keeps its keys and values, so a step costs
    one token instead of all tokens so far. `call`, for training, is Keras's own.
    """

    def project_kv(self, values):
        """(B, S, D) -> keys and values, (B, S, N, H) each."""
        return self.key_dense(values), self.value_dense(values)

    def attention(self, query, keys, values, mask):
        """Attention to cached keys and values, without dropout.

        Args:
            query: (B, T, D), not yet projected.
            keys: (B, S, N, H), from `project_kv`.
            values: (B, S, N, H), from `project_kv`.
            mask: (B, T, S), true where attention is allowed.

        Returns:
            (B, T, D).
        """
        output, _ = self._compute_attention(
            self.query_dense(query), keys, values, attention_mask=mask, training=False
        )  # (B, T, N, H)
        return self.output_dense(output)


@keras.saving.register_keras_serializable("models")
class SinePositions(keras.layers.Layer):
    """(B, T, D) -> (B, T, D): adds sinusoidal position encodings, which are not learned.

        PE[t, i]         = sin(t / 10000^(2 i / D))
        PE[t, D / 2 + i] = cos(t / 10000^(2 i / D)),    i = 0 ... D / 2 - 1

    The wavelengths grow from 2 pi to 20,000 pi positions. Any length can be read. Differs from the
    paper: all sines come first, then all cosines, which is a fixed permutation of the channels.
    """

    def build(self, shape):
        if shape[-1] % 2:
            raise UserError(
                "hidden-dim-odd",
                f"sinusoidal positions need an even hidden_dim, found {shape[-1]}",
                key="build.hidden_dim", value=shape[-1],
            )  # fmt: skip

    def call(self, embedded, start=0):
        """start: the position of the first token, for decoding one at a time."""
        positions = ops.arange(ops.shape(embedded)[1]) + start  # (T,)
        return self.added(embedded, positions[None])

    def added(self, embedded, positions):
        """(B, T, D) with the encodings of (B, T) positions; either axis may be 1."""
        half = embedded.shape[-1] // 2
        exponents = ops.arange(half, dtype="float32") / half
        frequencies = ops.exp(-exponents * ops.log(10000.0))
        angles = ops.cast(positions, "float32")[..., None] * frequencies  # (B, T, D / 2)
        encoding = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)  # (B, T, D)
        return embedded + ops.cast(encoding, embedded.dtype)

    def compute_output_shape(self, embedded_shape):
        return embedded_shape
