"""A Transformer decoder whose words look at the cells of an image.

Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017,
https://arxiv.org/abs/1706.03762. Shapes: I images with S cells of D numbers, B captions with T
positions, V vocabulary.
"""

import keras
from keras import layers, ops

from models.layers.attention import SinePositions
from models.layers.shared_images import RepeatRows
from models.layers.transformer_blocks import DecoderBlock


@keras.saving.register_keras_serializable("models")
class TransformerCaptioner(layers.Layer):
    """(I, S, D) cells and (B, T) ids, shifted right -> (B, T, V) logits of the next id.

    Each word attends to those before it, and then to the cells. One embedding serves the words that
    are read and said.

    Args:
        vocabulary_size: V.
        num_heads: heads of each attention; they divide D.
        depth: number of blocks.
        mlp_dim: units of the feed-forward networks' hidden layers.
        dropout: rate on embeddings and on each residual branch.
    """

    def __init__(self, vocabulary_size, num_heads, depth, mlp_dim, dropout, **kwargs):
        super().__init__(**kwargs)
        self.settings = {
            "vocabulary_size": vocabulary_size, "num_heads": num_heads, "depth": depth,
            "mlp_dim": mlp_dim, "dropout": dropout,
        }  # fmt: skip
        self.positions = SinePositions(name="positions")
        self.drop = layers.Dropout(dropout)
        sizes = (num_heads, mlp_dim, dropout)
        self.blocks = [DecoderBlock(*sizes, name=f"decoder{i}") for i in range(depth)]
        self.norm = layers.LayerNormalization(epsilon=1e-5, name="norm")
        self.repeat = RepeatRows(name="repeat")

    def build(self, cells_shape, ids_shape):
        self.dim = cells_shape[-1]
        initializer = keras.initializers.RandomNormal(stddev=self.dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            self.settings["vocabulary_size"], self.dim, embeddings_initializer=initializer,
            name="embedding",
        )  # fmt: skip
        self.embedding.build(ids_shape)
        words = (*ids_shape, self.dim)
        self.positions.build(words)
        for block in self.blocks:
            block.build(words, cells_shape)
        self.norm.build(words)

    def call(self, cells, ids, training=False):
        cells = self.repeat(cells, ids)  # (B, S, D)
        x = self.embed(ids, training=training)
        for block in self.blocks:
            x = block(x, cells, _all(cells), training=training)
        return self._logits(x)

    def embed(self, ids, start=0, training=False):
        """(B, T) ids at positions from `start` on -> (B, T, D), scaled by sqrt(D)."""
        scaled = self.embedding(ids) * self.dim**0.5
        return self.drop(self.positions(scaled, start=start), training=training)

    def start(self, cells, length: int) -> dict:
        """The state before the first of up to `length` words; axis 0 of every tensor is B."""
        caches = [block.start(cells, length) for block in self.blocks]
        return {"mask": _all(cells), "caches": caches}

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids at position `index` -> (B, V) logits of the next, and the new state."""
        x = self.embed(ids[:, None], index)  # (B, 1, D)
        caches = []
        for block, cache in zip(self.blocks, state["caches"], strict=True):
            x, cache = block.step(x, state["mask"], cache, index)
            caches.append(cache)
        return self._logits(x)[:, 0], {**state, "caches": caches}

    def attention(self, cells, ids):
        """(B, T, S): the last block's attention to the cells, the mean over heads."""
        x = self.embed(ids)
        for block in self.blocks:
            x, weights = block.call_with_attention(x, cells, _all(cells))
        return weights

    def _logits(self, x):
        """(B, T, D) -> (B, T, V), by the transposed embedding."""
        return self.embedding(self.norm(x), reverse=True)

    def compute_output_shape(self, cells_shape, ids_shape):
        return (*ids_shape, self.settings["vocabulary_size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}


def _all(cells):
    """(B, S) true: every cell may be looked at."""
    return ops.ones_like(cells[..., 0], dtype="bool")
