"""A stack of recurrent layers as a language model: whole windows in training, step by step after.

Shapes: B rows, T positions, E embedding_dim, U units, V vocabulary.
"""

import keras
from keras import layers, ops

from models.layers.lstm import LSTM
from pipelines.config.errors import UserError, one_of

CELLS = {"elman": layers.SimpleRNN, "gru": layers.GRU, "lstm": LSTM}
MOST_STREAMS = 256  # rows of a batch in training


@keras.saving.register_keras_serializable("models")
class RecurrentLanguageModel(layers.Layer):
    """(B, T) ids -> (B, T, V) logits of the next id; id 0 begins a document.

    In training, row b of a batch continues row b of the batch before: its states are those at the
    end of that batch, through which no gradient passes (truncated backpropagation through time,
    Werbos 1990, https://doi.org/10.1109/5.58337). A row that begins with id 0 starts from zero. So
    does every row outside training.

    With a tied embedding the output matrix is the embedding's, transposed (Press and Wolf 2017,
    https://arxiv.org/abs/1608.05859); the last states are projected to its size where they differ.

    Args:
        vocabulary_size: V, with id 0.
        embedding_dim: E.
        units: U, of each layer.
        depth: the number of layers.
        cell: "elman", "gru" or "lstm".
        tied: whether embedding and output share their weights.
        dropout: rate on embeddings, between layers and before the output (Zaremba et al. 2014,
            https://arxiv.org/abs/1409.2329).
    """

    stateful = True
    scored_steps = 256  # tokens of a document that are read at once to score it

    def __init__(self, vocabulary_size, embedding_dim, units, depth, cell, tied, dropout, **kwargs):
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise UserError(
                "cell-unknown", f"no such cell; {one_of(cell, CELLS)}", key="build.cell", value=cell
            )
        self.settings = {
            "vocabulary_size": vocabulary_size, "embedding_dim": embedding_dim, "units": units,
            "depth": depth, "cell": cell, "tied": tied, "dropout": dropout,
        }  # fmt: skip
        initializer = keras.initializers.RandomNormal(stddev=embedding_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            vocabulary_size, embedding_dim, tie_weights=tied,
            embeddings_initializer=initializer, name="embedding",
        )  # fmt: skip
        self.recurrent = [
            CELLS[cell](units, return_sequences=True, return_state=True, name=f"{cell}{number}")
            for number in range(depth)
        ]
        self.drop = layers.Dropout(dropout)
        self.project = (
            layers.Dense(embedding_dim, name="project") if units != embedding_dim else None
        )
        self.states_of_a_layer = 2 if cell == "lstm" else 1

    def build(self, ids_shape):
        dim, units = self.settings["embedding_dim"], self.settings["units"]
        self.embedding.build(ids_shape)
        for number, layer in enumerate(self.recurrent):
            layer.build((*ids_shape, units if number else dim))
        if self.project is not None:
            self.project.build((*ids_shape, units))
        self.bias = self.add_weight((self.settings["vocabulary_size"],), "zeros", name="bias")
        self.carried = [
            self.add_weight(
                (MOST_STREAMS, units), "zeros", trainable=False, name=f"carried{number}"
            )
            for number in range(self.states_of_a_layer * self.settings["depth"])
        ]

    def call(self, ids, training=False):
        rows = ops.shape(ids)[0]
        if not training:
            return self.continued(ids, self.zero_states(rows))[0]
        begins = ops.cast(ops.equal(ids[:, :1], 0), "float32")  # (B, 1)
        before = [state[:rows] * (1 - begins) for state in self.carried]
        logits, states = self.continued(ids, before, training=True)
        for variable, state in zip(self.carried, states, strict=True):
            cut = ops.stop_gradient(state)
            variable.assign(ops.slice_update(variable.value, (0, 0), cut))
        return logits

    def continued(self, ids, states: list, training=False) -> tuple:
        """(B, T) ids after `states`, (B, U) each -> (B, T, V) logits and the new states."""
        x = self.drop(self.embedding(ids), training=training)  # (B, T, E)
        new_states, count = [], self.states_of_a_layer
        for number, layer in enumerate(self.recurrent):
            before = states[count * number : count * (number + 1)]
            x, *last = layer(x, initial_state=before, training=training)  # (B, T, U)
            x = self.drop(x, training=training)
            new_states += last
        x = x if self.project is None else self.project(x)  # (B, T, E)
        return self.embedding(x, reverse=True) + self.bias, new_states

    def zero_states(self, rows) -> list:
        return [ops.zeros((rows, self.settings["units"])) for _ in self.carried]

    def step(self, ids, index, state: list) -> tuple:
        """(B,) ids -> (B, V) logits of the next, and the new states; as a decoder."""
        logits, states = self.continued(ids[:, None], state)
        return logits[:, 0], states

    def reset_state(self) -> None:
        for variable in self.carried:
            variable.assign(ops.zeros(variable.shape))

    def compute_output_shape(self, ids_shape):
        return (*ids_shape, self.settings["vocabulary_size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
