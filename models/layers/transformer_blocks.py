"""Blocks of the Transformer.

Every sub-layer f, attention or feed-forward, is a residual branch: x + dropout(f(norm(x))), with
layer normalisation first (pre-norm), or norm(x + dropout(f(x))) (post-norm).
References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762, which normalises after the sum; Xiong et al., "On Layer
Normalization in the Transformer Architecture", ICML 2020, https://arxiv.org/abs/2002.04745, for why
pre-norm trains without warm-up. Shapes: B rows, T target positions, S source positions,
N heads, H dimension of a head, D hidden_dim.
"""

import keras
from keras import layers, ops

from models.layers.attention import CachedAttention, head_dim


def branch_input(x, norm, norm_first: bool):
    """What a sub-layer is given: norm(x), or x itself in post-norm."""
    return norm(x) if norm_first else x


def branch_sum(x, output, norm, norm_first: bool):
    """x and the sub-layer's output together: their sum, in post-norm normalised."""
    return x + output if norm_first else norm(x + output)


class _Block(layers.Layer):
    """What all blocks have: self-attention, the feed-forward network and dropout.

    Args:
        num_heads: heads of each attention; they divide hidden_dim.
        mlp_dim: units of the feed-forward network's hidden layer.
        dropout: rate on the output of each residual branch.
        norm_first: layer normalisation before each sub-layer (pre-norm); otherwise after the sum
            (post-norm), as in Vaswani et al.
    """

    def __init__(
        self, num_heads: int, mlp_dim: int, dropout: float, norm_first: bool = True, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads, self.mlp_dim, self.dropout = num_heads, mlp_dim, dropout
        self.norm_first = norm_first
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

    def before(self, x, norm):
        """`branch_input` of this block."""
        return branch_input(x, norm, self.norm_first)

    def after(self, x, output, norm, training=False):
        """`branch_sum` of this block, with dropout on the output."""
        return branch_sum(x, self.drop(output, training=training), norm, self.norm_first)

    def feed_forward(self, x, training=False):
        """(B, T, D) -> (B, T, D): the branch W2 relu(W1 x), for each position by itself."""
        hidden = self.mlp_in(self.before(x, self.norm_mlp))  # (B, T, mlp_dim)
        return self.after(x, self.mlp_out(hidden), self.norm_mlp, training)

    def compute_output_shape(self, shape, memory_shape=None):
        return shape

    def get_config(self):
        settings = {
            "num_heads": self.num_heads, "mlp_dim": self.mlp_dim, "dropout": self.dropout,
            "norm_first": self.norm_first,
        }  # fmt: skip
        return {**super().get_config(), **settings}


@keras.saving.register_keras_serializable("models")
class EncoderBlock(_Block):
    """(B, S, D) -> (B, S, D): self-attention to the positions where `token_mask` (B, S) is true."""

    def call(self, x, token_mask, training=False):
        read = self.before(x, self.norm_attention)
        attended = self.self_attention(
            read, read, attention_mask=token_mask[:, None], training=training
        )
        return self.feed_forward(self.after(x, attended, self.norm_attention, training), training)

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
        read = self.before(x, self.norm_attention)
        attended = self.self_attention(read, read, use_causal_mask=True, training=training)
        x = self.after(x, attended, self.norm_attention, training)
        attended = self.cross_attention(
            self.before(x, self.norm_cross), memory, attention_mask=token_mask[:, None]
        )
        return self.feed_forward(self.after(x, attended, self.norm_cross, training), training)

    def call_with_attention(self, x, memory, token_mask):
        """The block's output (B, T, D) without dropout, and its cross-attention weights.

        The weights are (B, T, S), the mean over heads; each target position's sum to 1.
        """
        read = self.before(x, self.norm_attention)
        attended = self.self_attention(read, read, use_causal_mask=True)
        x = self.after(x, attended, self.norm_attention)
        attended, weights = self.cross_attention(
            self.before(x, self.norm_cross), memory, attention_mask=token_mask[:, None],
            return_attention_scores=True,
        )  # fmt: skip
        x = self.after(x, attended, self.norm_cross)
        return self.feed_forward(x), ops.mean(weights, axis=1)  # the weights are (B, N, T, S)

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
        read = self.before(x, self.norm_attention)
        keys, values = self.self_attention.project_kv(read)  # (B, 1, N, H)
        cache = {
            **cache,
            "keys": ops.slice_update(cache["keys"], [0, index, 0, 0], keys),
            "values": ops.slice_update(cache["values"], [0, index, 0, 0], values),
        }
        causal = (ops.arange(cache["keys"].shape[1]) <= index)[None, None]  # (1, 1, length)
        attended = self.self_attention.attention(read, cache["keys"], cache["values"], causal)
        x = self.after(x, attended, self.norm_attention)
        attended = self.cross_attention.attention(
            self.before(x, self.norm_cross), cache["source_keys"], cache["source_values"],
            token_mask[:, None],
        )  # fmt: skip
        return self.feed_forward(self.after(x, attended, self.norm_cross)), cache

    def compute_output_shape(self, x_shape, memory_shape, token_mask_shape=None):
        return x_shape


@keras.saving.register_keras_serializable("models")
class CausalBlock(_Block):
    """(B, T, D) -> (B, T, D): self-attention to positions up to its own, then the feed-forward
    network; a block of a language model."""

    def call(self, x, training=False):
        return self.with_cache(x, training)[0]

    def with_cache(self, x, training=False) -> tuple:
        """The output, and the keys and values of all positions, (B, T, N, H) each."""
        read = self.before(x, self.norm_attention)
        keys, values = self.self_attention.project_kv(read)
        positions = ops.arange(ops.shape(x)[1])
        causal = (positions[:, None] >= positions[None])[None]  # (1, T, T)
        attended = self.self_attention.attention(read, keys, values, causal)
        x = self.after(x, attended, self.norm_attention, training)
        return self.feed_forward(x, training), keys, values

    def step(self, x, keys, values, positions) -> tuple:
        """The block at one position of each row, after the cached ones.

        Args:
            x: (B, 1, D), the block's input.
            keys, values: (B, C, N, H), of which those at `positions` and later are not read.
            positions: (B,).

        Returns:
            (B, 1, D), and the keys and values of this position, (B, N, H) each.
        """
        read = self.before(x, self.norm_attention)
        new_keys, new_values = (new[:, 0] for new in self.self_attention.project_kv(read))
        at = ops.stack([ops.arange(ops.shape(x)[0]), positions], axis=1)  # (B, 2)
        keys = ops.scatter_update(keys, at, new_keys)
        values = ops.scatter_update(values, at, new_values)
        causal = (ops.arange(keys.shape[1])[None] <= positions[:, None])[:, None]  # (B, 1, C)
        attended = self.self_attention.attention(read, keys, values, causal)
        x = self.after(x, attended, self.norm_attention)
        return self.feed_forward(x), new_keys, new_values
