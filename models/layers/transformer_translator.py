"""The encoder-decoder Transformer as one layer, for training and for decoding step by step.

Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762. Shapes: B rows, S source and T target positions, D hidden_dim,
V vocabulary. Id 0 is padding, on the right.
"""

import keras
from keras import layers, ops

from models.layers.attention import SinePositions
from models.layers.transformer_blocks import DecoderBlock, EncoderBlock


@keras.saving.register_keras_serializable("models")
class TransformerTranslator(layers.Layer):
    """(B, S) source ids and (B, T) target ids, shifted right -> (B, T, V) logits of the next id.

    One embedding serves source, target and output (tied weights: Press and Wolf, EACL 2017,
    https://arxiv.org/abs/1608.05859), so subwords that both languages have share a vector.

    Args:
        vocabulary_size: V.
        hidden_dim: D, of embeddings and of both stacks; even, and a multiple of num_heads.
        num_heads: heads of each attention.
        depth: number of encoder blocks, and of decoder blocks.
        mlp_dim: units of the feed-forward networks' hidden layers.
        dropout: rate on embeddings and on each residual branch.
        norm_first: see `EncoderBlock`; if true, both stacks end with a normalisation of their own.
    """

    def __init__(
        self, vocabulary_size, hidden_dim, num_heads, depth, mlp_dim, dropout, norm_first=True,
        **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.settings = {
            "vocabulary_size": vocabulary_size, "hidden_dim": hidden_dim, "num_heads": num_heads,
            "depth": depth, "mlp_dim": mlp_dim, "dropout": dropout, "norm_first": norm_first,
        }  # fmt: skip
        initializer = keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            vocabulary_size, hidden_dim, embeddings_initializer=initializer, name="embedding"
        )
        self.positions = SinePositions(name="positions")
        self.drop = layers.Dropout(dropout)
        sizes = (num_heads, mlp_dim, dropout, norm_first)
        self.encoders = [EncoderBlock(*sizes, name=f"encoder{i}") for i in range(depth)]
        self.decoders = [DecoderBlock(*sizes, name=f"decoder{i}") for i in range(depth)]
        last = layers.LayerNormalization if norm_first else layers.Identity
        norm = {"epsilon": 1e-5} if norm_first else {}
        self.norm_source = last(name="norm_source", **norm)
        self.norm_target = last(name="norm_target", **norm)

    def build(self, source_shape, target_in_shape):
        hidden_dim = self.settings["hidden_dim"]
        source, target = (*source_shape, hidden_dim), (*target_in_shape, hidden_dim)
        self.positions.build(source)
        self.embedding.build(source_shape)
        for layer in (*self.encoders, self.norm_source):
            layer.build(source)
        for layer in self.decoders:
            layer.build(target, source)
        self.norm_target.build(target)

    def call(self, source, target_in, training=False):
        memory, mask = self.encode(source, training)
        x = self.embed(target_in, training=training)  # (B, T, D)
        for block in self.decoders:
            x = block(x, memory, mask, training=training)
        return self.logits(x)

    def embed(self, ids, start=0, training=False):
        """(B, T) ids at positions from `start` on -> (B, T, D), scaled by sqrt(D)."""
        scaled = self.embedding(ids) * self.settings["hidden_dim"] ** 0.5
        return self.drop(self.positions(scaled, start=start), training=training)

    def encode(self, source, training=False):
        """(B, S) ids -> (B, S, D) memory and its (B, S) mask, true where there is a token."""
        mask = ops.not_equal(source, 0)
        x = self.embed(source, training=training)
        for block in self.encoders:
            x = block(x, mask, training=training)
        return self.norm_source(x), mask

    def logits(self, x):
        """(B, T, D) -> (B, T, V), by the transposed embedding."""
        return self.embedding(self.norm_target(x), reverse=True)

    def start(self, source, length: int) -> dict:
        """The state before the first of up to `length` target ids; axis 0 of every tensor is B."""
        memory, mask = self.encode(source)
        caches = [block.start(memory, length) for block in self.decoders]
        return {"mask": mask, "caches": caches}

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids at target position `index` -> (B, V) logits of the next, and the new state."""
        x = self.embed(ids[:, None], index)  # (B, 1, D)
        caches = []
        for block, cache in zip(self.decoders, state["caches"], strict=True):
            x, cache = block.step(x, state["mask"], cache, index)
            caches.append(cache)
        return self.logits(x)[:, 0], {**state, "caches": caches}

    def attention(self, source, target_in):
        """(B, T, S): the last block's cross-attention, the mean over heads; rows sum to 1."""
        memory, mask = self.encode(source)
        x = self.embed(target_in)
        for block in self.decoders:
            x, weights = block.call_with_attention(x, memory, mask)
        return weights

    def compute_output_shape(self, source_shape, target_in_shape):
        return (*target_in_shape, self.settings["vocabulary_size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
