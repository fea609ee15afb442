"""Causal Transformer blocks as a language model: windows in training, a cache of keys and values
in decoding.

Shapes: B rows, T positions, C context, D hidden_dim, L blocks, V vocabulary.
"""

import keras
from keras import layers, ops

from models.layers.attention import SinePositions
from models.layers.transformer_blocks import CausalBlock
from pipelines.config.errors import UserError, one_of

POSITIONS = ("learned", "sine")


@keras.saving.register_keras_serializable("models")
class TransformerLanguageModel(layers.Layer):
    """(B, T) ids -> (B, T, V) logits of the next id; id 0 begins a document.

    A row sees nothing before it. A row that is longer than the context is read in windows that
    overlap by half, of which the second halves are kept, and the first half of the first: so every
    later position sees at least half a context.

    The output matrix is the embedding's, transposed (Press and Wolf 2017,
    https://arxiv.org/abs/1608.05859).

    Args:
        vocabulary_size: V, with id 0.
        hidden_dim: D; a multiple of num_heads, and even for sinusoidal positions.
        num_heads: heads of each attention.
        depth: L, the number of blocks.
        mlp_dim: units of the feed-forward networks' hidden layers.
        context: C, the most positions that attention spans; even.
        positions: "learned" (one vector for each position) or "sine".
        norm_first: see `CausalBlock`.
        dropout: rate on embeddings and on each residual branch.
    """

    def __init__(
        self, vocabulary_size, hidden_dim, num_heads, depth, mlp_dim, context, positions,
        norm_first, dropout, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if positions not in POSITIONS:
            raise UserError(
                "positions-unknown", f"no such positions; {one_of(positions, POSITIONS)}",
                key="build.positions", value=positions,
            )  # fmt: skip
        if context < 2 or context % 2:
            raise UserError(
                "context-odd", "must be even: documents are read in windows that overlap by half",
                key="build.context", value=context,
            )  # fmt: skip
        self.settings = {
            "vocabulary_size": vocabulary_size, "hidden_dim": hidden_dim, "num_heads": num_heads,
            "depth": depth, "mlp_dim": mlp_dim, "context": context, "positions": positions,
            "norm_first": norm_first, "dropout": dropout,
        }  # fmt: skip
        self.context, self.scored_steps = context, context // 2
        initializer = keras.initializers.RandomNormal(stddev=hidden_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            vocabulary_size, hidden_dim, embeddings_initializer=initializer, name="embedding"
        )
        self.sine = SinePositions(name="sine") if positions == "sine" else None
        self.drop = layers.Dropout(dropout)
        self.blocks = [
            CausalBlock(num_heads, mlp_dim, dropout, norm_first=norm_first, name=f"block{number}")
            for number in range(depth)
        ]
        self.norm = layers.LayerNormalization(epsilon=1e-5, name="norm") if norm_first else None

    def build(self, ids_shape):
        dim = self.settings["hidden_dim"]
        shape = (*ids_shape, dim)
        self.embedding.build(ids_shape)
        if self.sine is None:
            self.learned = self.add_weight(
                (self.context, dim), keras.initializers.RandomNormal(stddev=0.1), name="positions"
            )
        else:
            self.sine.build(shape)
        for layer in (*self.blocks, *([self.norm] if self.norm else [])):
            layer.build(shape)
        self.bias = self.add_weight((self.settings["vocabulary_size"],), "zeros", name="bias")

    def call(self, ids, training=False):
        length = ids.shape[1]
        if length is None or length <= self.context:
            return self.window(ids, training)
        parts, before = [], self.zero_states(ops.shape(ids)[0])
        for first in range(0, length, self.scored_steps):
            next_ids = ids[:, first : first + self.scored_steps]
            logits, before = self.continued(next_ids, before, training)
            parts.append(logits)
        return ops.concatenate(parts, axis=1)

    def window(self, ids, training=False):
        """(B, T) ids, T at most the context -> (B, T, V)."""
        x = self.embed(ids, ops.arange(ops.shape(ids)[1])[None], training)  # (B, T, D)
        for block in self.blocks:
            x = block(x, training=training)
        return self.logits(x)

    def embed(self, ids, positions, training=False):
        """(B, T) ids at (1, T) or (B, T) positions -> (B, T, D), scaled by sqrt(D)."""
        x = self.embedding(ids) * self.settings["hidden_dim"] ** 0.5
        if self.sine is None:
            x = x + ops.take(self.learned, positions, axis=0)
        else:
            x = self.sine.added(x, positions)
        return self.drop(x, training=training)

    def logits(self, x):
        x = x if self.norm is None else self.norm(x)
        return self.embedding(x, reverse=True) + self.bias

    def zero_states(self, rows) -> list:
        """Before a document: nothing has been read."""
        return []

    def continued(self, ids, states: list, training=False) -> tuple:
        """(B, C / 2) ids after `states`, the ids before them -> (B, C / 2, V), new states."""
        seen = states[0].shape[1] if states else 0
        logits = self.window(ops.concatenate([*states, ids], axis=1), training)
        return logits[:, seen:], [ids]

    def read(self, ids):
        """(B, T) ids, T at most the context -> (B, T, L, 2, N, H): the keys and values of all
        blocks, of N heads with H dimensions."""
        x, cache = self.embed(ids, ops.arange(ops.shape(ids)[1])[None]), []
        for block in self.blocks:
            x, *keys_and_values = block.with_cache(x)
            cache.append(ops.stack(keys_and_values, axis=2))
        return ops.stack(cache, axis=2)

    def step(self, ids, positions, cache) -> tuple:
        """One token further.

        Args:
            ids: (B,).
            positions: (B,) int32, of these ids, less than the context.
            cache: (B, C, L, 2, N, H) of the positions before; later ones are not read.

        Returns:
            (B, V) logits of the next token, and the cache's entries of this position,
            (B, L, 2, N, H).
        """
        x, entries = self.embed(ids[:, None], positions[:, None]), []  # (B, 1, D)
        for number, block in enumerate(self.blocks):
            keys, values = cache[:, :, number, 0], cache[:, :, number, 1]  # (B, C, N, H)
            x, *keys_and_values = block.step(x, keys, values, positions)
            entries.append(ops.stack(keys_and_values, axis=1))
        return self.logits(x)[:, 0], ops.stack(entries, axis=1)

    @property
    def cache_shape(self) -> tuple[int, ...]:
        """(C, L, 2, N, H) of one row."""
        heads = self.settings["num_heads"]
        return self.context, len(self.blocks), 2, heads, self.settings["hidden_dim"] // heads

    def compute_output_shape(self, ids_shape):
        return (*ids_shape, self.settings["vocabulary_size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
