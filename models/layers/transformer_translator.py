"""The encoder-decoder Transformer as one layer, which a decoder can also run step by step.

Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017. Shapes: B rows, S source and
T target positions, C channels, V sub-words. Id 0 is padding, on the right.
"""

import keras
from keras import layers, ops

from models.layers.attention import SinePositions
from models.layers.transformer_blocks import DecoderBlock, EncoderBlock


@keras.saving.register_keras_serializable("models")
class TransformerTranslator(layers.Layer):
    """(B, S) source ids and (B, T) target ids, shifted right -> (B, T, V) logits of the next id.

    One embedding serves source, target and output ("tied": Press and Wolf 2017), so sub-words that
    both languages share have one meaning. size: V. width: C. depth: blocks on either side.
    """

    def __init__(self, size, width, heads, depth, feed_forward, dropout, **kwargs):
        super().__init__(**kwargs)
        self.settings = {
            "size": size, "width": width, "heads": heads, "depth": depth,
            "feed_forward": feed_forward, "dropout": dropout,
        }  # fmt: skip
        scale = keras.initializers.RandomNormal(stddev=width**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            size, width, embeddings_initializer=scale, name="embedding"
        )
        self.positions = SinePositions(name="positions")
        self.drop = layers.Dropout(dropout)
        blocks = (heads, feed_forward, dropout)
        self.encoders = [EncoderBlock(*blocks, name=f"encoder{i}") for i in range(depth)]
        self.decoders = [DecoderBlock(*blocks, name=f"decoder{i}") for i in range(depth)]
        self.norm_source = layers.LayerNormalization(epsilon=1e-5, name="norm_source")
        self.norm_target = layers.LayerNormalization(epsilon=1e-5, name="norm_target")

    def build(self, source_shape, target_in_shape):
        width = self.settings["width"]
        source, target = (*source_shape, width), (*target_in_shape, width)
        self.embedding.build(source_shape)
        for part in (*self.encoders, self.norm_source):
            part.build(source)
        for part in self.decoders:
            part.build(target, source)
        self.norm_target.build(target)

    def call(self, source, target_in, training=False):
        memory, real = self.encode(source, training)
        x = self.embed(target_in, training=training)
        for block in self.decoders:
            x = block(x, memory, real, training=training)
        return self.logits(x)

    def embed(self, ids, start=0, training=False):
        scaled = self.embedding(ids) * self.settings["width"] ** 0.5
        return self.drop(self.positions(scaled, start=start), training=training)

    def encode(self, source, training=False):
        """(B, S) ids -> (B, S, C) memory and (B, S) where it holds a token."""
        real = ops.not_equal(source, 0)
        x = self.embed(source, training=training)
        for block in self.encoders:
            x = block(x, real, training=training)
        return self.norm_source(x), real

    def logits(self, x):
        return self.embedding(self.norm_target(x), reverse=True)

    def start(self, source, length: int) -> dict:
        """The state before the first of up to `length` target ids. Every tensor's first axis: B."""
        memory, real = self.encode(source)
        blocks = [block.start(memory, length) for block in self.decoders]
        return {"real": real, "blocks": blocks}

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids at target position `index` -> (B, V) logits of the next, and the new state."""
        x = self.embed(ids[:, None], index)
        blocks = []
        for block, remembered in zip(self.decoders, state["blocks"], strict=True):
            x, remembered = block.step(x, state["real"], remembered, index)
            blocks.append(remembered)
        return self.logits(x)[:, 0], {**state, "blocks": blocks}

    def attention(self, source, target_in):
        """(B, T, S): the last block's attention to the source, mean over heads; rows sum to 1."""
        memory, real = self.encode(source)
        x = self.embed(target_in)
        for block in self.decoders:
            x, shares = block.look(x, memory, real)
        return shares

    def compute_output_shape(self, source_shape, target_in_shape):
        return (*target_in_shape, self.settings["size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
