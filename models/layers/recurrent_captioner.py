"""A recurrent decoder that looks at a part of the image for each word of a caption.

Reference: Xu et al., "Show, Attend and Tell: Neural Image Caption Generation with Visual
Attention", ICML 2015, https://arxiv.org/abs/1502.03044. Shapes: I images with S cells of D numbers,
B captions with T positions, E embedding_dim, U units, V vocabulary.
"""

import keras
from keras import layers, ops

from models.layers.shared_images import RepeatRows


@keras.saving.register_keras_serializable("models")
class RecurrentCaptioner(layers.Layer):
    """(I, S, D) cells and (B, T) ids, shifted right -> (B, T, V) logits of the next id.

    Soft attention: before each word the state h_(t-1) is compared with every cell a_i, and the
    decoder reads their mean, weighted by the result.

        e_ti = (W a_i) . (V h_(t-1)) / sqrt(K),    alpha_t = softmax(e_t)
        z_t  = b_t * sum_i alpha_ti a_i,       b_t = sigmoid(w . h_(t-1))
        h_t  = GRU([y_(t-1), z_t], h_(t-1))
        p(y_t) = softmax(L (norm(W_o [h_t, z_t, y_(t-1)])))

    with y the vectors of words. The first state is a function of the mean of the cells, and keys
    W a_i have K numbers, as cells have.

    Differs from the paper: products of keys and queries in the place of a hidden layer with tanh,
    which takes several times as long; a GRU in the place of an LSTM; layer normalisation in the
    output; one embedding for the words that are read and said; no penalty on cells that are looked
    at less than others.

    Args:
        vocabulary_size: V.
        embedding_dim: E.
        units: U, of the state.
        dropout: rate on the words' vectors and before W_o.
    """

    def __init__(self, vocabulary_size, embedding_dim, units, dropout, **kwargs):
        super().__init__(**kwargs)
        self.settings = {
            "vocabulary_size": vocabulary_size, "embedding_dim": embedding_dim, "units": units,
            "dropout": dropout,
        }  # fmt: skip
        initializer = keras.initializers.RandomNormal(stddev=embedding_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            vocabulary_size, embedding_dim, embeddings_initializer=initializer, name="embedding"
        )
        self.first = layers.Dense(units, "tanh", name="first_state")
        self.gate = layers.Dense(1, "sigmoid", name="gate")
        self.cell = layers.GRUCell(units, name="cell")
        self.drop = layers.Dropout(dropout)
        self.combine = layers.Dense(embedding_dim, name="combine")
        self.norm = layers.LayerNormalization(name="norm")
        self.repeat = RepeatRows(name="repeat")

    def build(self, cells_shape, ids_shape):
        dim, units, size = self.settings["embedding_dim"], self.settings["units"], cells_shape[-1]
        self.keys = layers.Dense(size, use_bias=False, name="keys")
        self.query = layers.Dense(size, name="query")
        self.embedding.build(ids_shape)
        self.first.build((cells_shape[0], size))
        self.keys.build(cells_shape)
        self.query.build((ids_shape[0], units))
        self.gate.build((ids_shape[0], units))
        self.cell.build((ids_shape[0], dim + size))
        self.combine.build((*ids_shape, units + size + dim))
        self.norm.build((*ids_shape, dim))

    def call(self, cells, ids, training=False):
        start = {name: self.repeat(x, ids) for name, x in self.start(cells, 0).items()}
        words = self.drop(self.embed(ids), training=training)  # (B, T, E)

        def advance(read, word):
            read, _ = self._advance(word, {**start, "read": read})
            return read, read

        _, read = ops.scan(advance, start["read"], ops.transpose(words, (1, 0, 2)))
        return self._logits(ops.transpose(read, (1, 0, 2)), words, training)  # (B, T, V)

    def embed(self, ids):
        """(...) ids -> (..., E), scaled by sqrt(E)."""
        return self.embedding(ids) * self.settings["embedding_dim"] ** 0.5

    def start(self, cells, length: int) -> dict:
        """The state before the first word; axis 0 of every tensor is that of the cells."""
        mean = ops.mean(cells, axis=1)
        read = ops.concatenate([self.first(mean), ops.zeros_like(mean)], axis=-1)
        return {"cells": cells, "keys": self.keys(cells), "read": read}

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids at position `index` -> (B, V) logits of the next, and the new state."""
        word = self.embed(ids)
        read, _ = self._advance(word, state)
        return self._logits(read, word), {**state, "read": read}

    def attention(self, cells, ids):
        """(B, T, S): the share of each cell in what is read before the word after each id."""
        state, shares = self.start(cells, 0), []
        for place in range(ids.shape[1]):
            state["read"], share = self._advance(self.embed(ids[:, place]), state)
            shares.append(share)
        return ops.stack(shares, axis=1)

    def _advance(self, word, state: dict) -> tuple:
        """The vectors of words (B, E), and what was read before them: the last h and z, side by
        side, (B, U + D). Returns what is read now, and the shares of the cells, (B, S)."""
        hidden = state["read"][:, : self.settings["units"]]
        query = self.query(hidden)[..., None] * state["keys"].shape[-1] ** -0.5  # (B, D, 1)
        shares = ops.softmax(ops.matmul(state["keys"], query)[..., 0], axis=-1)
        context = ops.matmul(shares[:, None], state["cells"])[:, 0] * self.gate(hidden)  # (B, D)
        hidden, _ = self.cell(ops.concatenate([word, context], axis=-1), [hidden])
        return ops.concatenate([hidden, context], axis=-1), shares

    def _logits(self, read, words, training=False):
        """(..., U + D) and (..., E) -> (..., V), by the transposed embedding."""
        values = self.drop(ops.concatenate([read, words], axis=-1), training=training)
        return self.embedding(self.norm(self.combine(values)), reverse=True)

    def compute_output_shape(self, cells_shape, ids_shape):
        return (*ids_shape, self.settings["vocabulary_size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
