"""Encoder and decoder block of the Transformer, with layer normalisation first (pre-norm).

Every sub-layer f, attention or feed-forward, is a residual branch: x + dropout(f(norm(x))).
References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762, which normalises after the sum; Xiong et al., "On Layer
Normalization in the Transformer Architecture", ICML 2020, https://arxiv.org/abs/2002.04745, for why
pre-norm trains without warm-up. Shapes: B rows, T target positions, S source positions,
N heads, H dimension of a head, D hidden_dim.
"""

import keras
from keras import layers, ops

from models.layers.attention import CachedAttention, head_dim


class _Block(layers.Layer):
    """What both blocks have: self-attention, the feed-forward network and dropout.

    Args:
        num_heads: heads of each attention; they divide hidden_dim.
        mlp_dim: units of the feed-forward network's hidden layer.
        dropout: rate on the output of each residual branch.
    """

    def __init__(self, num_heads: int, mlp_dim: int, dropout: float, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.mlp_dim, self.dropout = num_heads, mlp_dim, dropout
        self.norm_attention = layers.LayerNormalization(epsilon=1e-5, name="norm_attention")
        self.norm_mlp = layers.LayerNormalization(epsilon=1e-5, name="norm_mlp")
        self.mlp_in = layers.Dense(mlp_dim, activation="relu", name="mlp_in")
        self.drop = layers.Dropout(dropout)

    def build(self, shape, memory_shape=None):
        hidden_dim = shape[-1]
        self.mlp_out = layers.Dense(hidden_dim, name="mlp_out")
        self.self_attention = CachedAttention(
            self.num_heads, head_dim(hidden_dim, self.num_heads), name="attention"
        )
        self.self_attention.build(shape, shape)
        for layer in (self.norm_attention, self.norm_mlp, self.mlp_in):
            layer.build(shape)
        self.mlp_out.build((*shape[:-1], self.mlp_dim))

    def feed_forward(self, x, training=False):
        """(B, T, D) -> (B, T, D): x + W2 relu(W1 norm(x)), for each position by itself."""
        hidden = self.mlp_in(self.norm_mlp(x))  # (B, T, mlp_dim)
        return x + self.drop(self.mlp_out(hidden), training=training)

    def compute_output_shape(self, shape, memory_shape=None):
        return shape

    def get_config(self):
        sizes = {"num_heads": self.num_heads, "mlp_dim": self.mlp_dim, "dropout": self.dropout}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("models")
class EncoderBlock(_Block):
    """(B, S, D) -> (B, S, D): self-attention to the positions where `token_mask` (B, S) is true."""

    def call(self, x, token_mask, training=False):
        normed = self.norm_attention(x)
        attended = self.self_attention(
            normed, normed, attention_mask=token_mask[:, None], training=training
        )
        return self.feed_forward(x + self.drop(attended, training=training), training)

    def build(self, x_shape, token_mask_shape=None):
        super().build(x_shape)

    def compute_output_shape(self, x_shape, token_mask_shape=None):
        return x_shape


@keras.saving.register_keras_serializable("models")
class DecoderBlock(_Block):
    """(B, T, D) and the encoder's output, the memory (B, S, D), -> (B, T, D).

    Causal self-attention (position t attends to positions up to t), then cross-attention to the
    positions of the memory where `token_mask` (B, S) is true, then the feed-forward network.
    """

    def build(self, x_shape, memory_shape, token_mask_shape=None):
        super().build(x_shape)
        self.norm_cross = layers.LayerNormalization(epsilon=1e-5, name="norm_cross")
        self.norm_cross.build(x_shape)
        self.cross_attention = CachedAttention(
            self.num_heads, head_dim(x_shape[-1], self.num_heads), name="cross_attention"
        )
        self.cross_attention.build(x_shape, memory_shape)

    def call(self, x, memory, token_mask, training=False):
        normed = self.norm_attention(x)
        attended = self.self_attention(normed, normed, use_causal_mask=True, training=training)
        x = x + self.drop(attended, training=training)
        attended = self.cross_attention(
            self.norm_cross(x), memory, attention_mask=token_mask[:, None]
        )
        return self.feed_forward(x + self.drop(attended, training=training), training)

    def call_with_attention(self, x, memory, token_mask):
        """The block's output (B, T, D) without dropout, and its cross-attention weights.

        The weights are (B, T, S), the mean over heads; each target position's sum to 1.
        """
        normed = self.norm_attention(x)
        x = x + self.self_attention(normed, normed, use_causal_mask=True)
        attended, weights = self.cross_attention(
            self.norm_cross(x), memory, attention_mask=token_mask[:, None],
            return_attention_scores=True,
        )  # fmt: skip
        # (B, T, D) and (B, N, T, S)
        return self.feed_forward(x + attended), ops.mean(weights, axis=1)

    def start(self, memory, length: int) -> dict:
        """The cache before the first of up to `length` positions: (B, length or S, N, H) tensors.

        The keys and values of the source are complete, those of the target still zeros.
        """
        keys, values = self.cross_attention.project_kv(memory)
        rows, _, heads, size = keys.shape
        rows = ops.shape(keys)[0] if rows is None else rows
        empty = ops.zeros((rows, length, heads, size), keys.dtype)
        return {"keys": empty, "values": empty, "source_keys": keys, "source_values": values}

    def step(self, x, token_mask, cache: dict, index) -> tuple:
        """The block at one position: (B, 1, D) -> (B, 1, D) and the cache with this position.

        Args:
            x: (B, 1, D), the block's input at this position.
            token_mask: (B, S), true where the source has a token.
            cache: from `start` or the step before.
            index: the position, from 0.
        """
        normed = self.norm_attention(x)
        keys, values = self.self_attention.project_kv(normed)  # (B, 1, N, H)
        cache = {
            **cache,
            "keys": ops.slice_update(cache["keys"], [0, index, 0, 0], keys),
            "values": ops.slice_update(cache["values"], [0, index, 0, 0], values),
        }
        causal = (ops.arange(cache["keys"].shape[1]) <= index)[None, None]  # (1, 1, length)
        x = x + self.self_attention.attention(normed, cache["keys"], cache["values"], causal)
        normed = self.norm_cross(x)
        x = x + self.cross_attention.attention(
            normed, cache["source_keys"], cache["source_values"], token_mask[:, None]
        )
        return self.feed_forward(x), cache

    def compute_output_shape(self, x_shape, memory_shape, token_mask_shape=None):
        return x_shape


@keras.saving.register_keras_serializable("models")
class CausalBlock(_Block):
    """(B, T, D) -> (B, T, D): self-attention to positions up to its own, then the feed-forward
    network; a block of a language model.

    Args:
        norm_first: layer normalisation before each sub-layer (pre-norm); otherwise after the sum,
            norm(x + dropout(f(x))), as in Vaswani et al.
        **options: of the other blocks.
    """

    def __init__(self, *sizes, norm_first: bool = True, **options):
        super().__init__(*sizes, **options)
        self.norm_first = norm_first

    def call(self, x, training=False):
        return self.with_cache(x, training)[0]

    def with_cache(self, x, training=False) -> tuple:
        """The output, and the keys and values of all positions, (B, T, N, H) each."""
        normed = self.norm_attention(x) if self.norm_first else x
        keys, values = self.self_attention.project_kv(normed)
        positions = ops.arange(ops.shape(x)[1])
        causal = (positions[:, None] >= positions[None])[None]  # (1, T, T)
        attended = self.self_attention.attention(normed, keys, values, causal)
        return self._after_attention(x, attended, training), keys, values

    def step(self, x, keys, values, positions) -> tuple:
        """The block at one position of each row, after the cached ones.

        Args:
            x: (B, 1, D), the block's input.
            keys, values: (B, C, N, H), of which those at `positions` and later are not read.
            positions: (B,).

        Returns:
            (B, 1, D), and the keys and values of this position, (B, N, H) each.
        """
        normed = self.norm_attention(x) if self.norm_first else x
        new_keys, new_values = (new[:, 0] for new in self.self_attention.project_kv(normed))
        at = ops.stack([ops.arange(ops.shape(x)[0]), positions], axis=1)  # (B, 2)
        keys = ops.scatter_update(keys, at, new_keys)
        values = ops.scatter_update(values, at, new_values)
        causal = (ops.arange(keys.shape[1])[None] <= positions[:, None])[:, None]  # (B, 1, C)
        attended = self.self_attention.attention(normed, keys, values, causal)
        return self._after_attention(x, attended), new_keys, new_values

    def _after_attention(self, x, attended, training=False):
        x = x + self.drop(attended, training=training)
        if self.norm_first:
            return self.feed_forward(x, training)
        x = self.norm_attention(x)
        hidden = self.mlp_out(self.mlp_in(x))
        return self.norm_mlp(x + self.drop(hidden, training=training))

    def get_config(self):
        return {**super().get_config(), "norm_first": self.norm_first}
