"""The two blocks of the Transformer, with normalisation before each part ("pre-norm").

References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017; Xiong et al., "On Layer
Normalization in the Transformer Architecture", ICML 2020 (why before: it trains without warm-up).
Shapes: B rows, T target positions, S source positions, C channels.
"""

import keras
from keras import layers, ops

from models.layers.attention import CachedAttention


class _Block(layers.Layer):
    """What both blocks have: the feed-forward part, dropout, and the sizes as configuration."""

    def __init__(self, heads: int, feed_forward: int, dropout: float, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.feed_forward, self.dropout = heads, feed_forward, dropout
        self.norm_attention = layers.LayerNormalization(epsilon=1e-5, name="norm_attention")
        self.norm_dense = layers.LayerNormalization(epsilon=1e-5, name="norm_dense")
        self.widen = layers.Dense(feed_forward, activation="relu", name="widen")
        self.drop = layers.Dropout(dropout)

    def build(self, shape, memory_shape=None):
        width = shape[-1]
        if width % self.heads:
            raise ValueError(f"width {width} cannot be shared by {self.heads} heads; make it even")
        self.narrow = layers.Dense(width, name="narrow")
        self.attention = CachedAttention(self.heads, width // self.heads, name="attention")
        self.attention.build(shape, shape)
        for part in (self.norm_attention, self.norm_dense, self.widen):
            part.build(shape)
        self.narrow.build((*shape[:-1], self.feed_forward))

    def think(self, x, training=False):
        """The feed-forward part, position by position."""
        return x + self.drop(self.narrow(self.widen(self.norm_dense(x))), training=training)

    def compute_output_shape(self, shape, memory_shape=None):
        return shape

    def get_config(self):
        own = {"heads": self.heads, "feed_forward": self.feed_forward, "dropout": self.dropout}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("models")
class EncoderBlock(_Block):
    """(B, S, C) -> (B, S, C); `real` (B, S) is true where there is a token and not padding."""

    def call(self, x, real, training=False):
        normed = self.norm_attention(x)
        seen = self.attention(normed, normed, attention_mask=real[:, None], training=training)
        return self.think(x + self.drop(seen, training=training), training)

    def build(self, x_shape, real_shape=None):
        super().build(x_shape)

    def compute_output_shape(self, x_shape, real_shape=None):
        return x_shape


@keras.saving.register_keras_serializable("models")
class DecoderBlock(_Block):
    """(B, T, C) and the encoder's (B, S, C) memory -> (B, T, C). A position sees itself and those
    before it, and the `real` (B, S) positions of the memory."""

    def build(self, x_shape, memory_shape, real_shape=None):
        super().build(x_shape)
        self.norm_cross = layers.LayerNormalization(epsilon=1e-5, name="norm_cross")
        self.norm_cross.build(x_shape)
        self.cross = CachedAttention(self.heads, x_shape[-1] // self.heads, name="cross")
        self.cross.build(x_shape, memory_shape)

    def call(self, x, memory, real, training=False):
        normed = self.norm_attention(x)
        seen = self.attention(normed, normed, use_causal_mask=True, training=training)
        x = x + self.drop(seen, training=training)
        seen = self.cross(self.norm_cross(x), memory, attention_mask=real[:, None])
        return self.think(x + self.drop(seen, training=training), training)

    def look(self, x, memory, real):
        """(B, T, S): how much of its attention each target position gives to each source position,
        the mean over heads. Rows sum to 1. Returned with the block's output."""
        normed = self.norm_attention(x)
        x = x + self.attention(normed, normed, use_causal_mask=True)
        seen, shares = self.cross(
            self.norm_cross(x), memory, attention_mask=real[:, None], return_attention_scores=True
        )
        return self.think(x + seen), ops.mean(shares, axis=1)

    def start(self, memory, length: int) -> dict:
        """What decoding up to `length` positions remembers: nothing said yet, all of the source."""
        keys, values = self.cross.remember(memory)
        rows, _, heads, width = keys.shape
        rows = ops.shape(keys)[0] if rows is None else rows
        empty = ops.zeros((rows, length, heads, width), keys.dtype)
        return {"keys": empty, "values": empty, "source_keys": keys, "source_values": values}

    def step(self, x, real, state: dict, index) -> tuple:
        """One position: (B, 1, C), its number -> (B, 1, C) and the state that now holds it."""
        normed = self.norm_attention(x)
        keys, values = self.attention.remember(normed)
        state = {
            **state,
            "keys": ops.slice_update(state["keys"], [0, index, 0, 0], keys),
            "values": ops.slice_update(state["values"], [0, index, 0, 0], values),
        }
        said = (ops.arange(state["keys"].shape[1]) <= index)[None, None]
        x = x + self.attention.attend(normed, state["keys"], state["values"], said)
        normed = self.norm_cross(x)
        x = x + self.cross.attend(
            normed, state["source_keys"], state["source_values"], real[:, None]
        )
        return self.think(x), state

    def compute_output_shape(self, x_shape, memory_shape, real_shape=None):
        return x_shape
