"""Recurrent encoder-decoder with or without attention, for training and decoding step by step.

References: Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks", NIPS
2014, https://arxiv.org/abs/1409.3215; Luong, Pham and Manning, "Effective Approaches to
Attention-based Neural Machine Translation", EMNLP 2015, https://arxiv.org/abs/1508.04025.
Shapes: B rows, S source and T target positions, U units, E embedding_dim, V vocabulary.
"""

import keras
from keras import layers, ops

from models.layers.lstm import LSTM
from pipelines.config.errors import UserError, one_of

CELLS = {"gru": layers.GRU, "lstm": LSTM}


@keras.saving.register_keras_serializable("models")
class RecurrentTranslator(layers.Layer):
    """(B, S) source ids and (B, T) target ids, shifted right -> (B, T, V) logits of the next id.

    A bidirectional encoder gives a memory with one vector for each source position. Its last
    states, each through a dense layer with tanh (the bridge), are the decoder's first states.
    With attention, a decoder state s_t also reads a context vector c_t from the memory m:

        a_t = softmax_s(s_t . W m_s),    c_t = sum_s a_ts W m_s,    o_t = norm(W_c [c_t, s_t])

    One embedding serves source, target and output. Differs from the papers: layer normalisation
    in the place of the tanh around W_c, with which training is far slower.

    Args:
        vocabulary_size: V.
        embedding_dim: E.
        units: U, of each encoder direction and of the decoder.
        cell: "gru" or "lstm".
        attention: whether the decoder attends to the source.
        dropout: rate on embeddings and before W_c.
    """

    def __init__(self, vocabulary_size, embedding_dim, units, cell, attention, dropout, **kwargs):
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise UserError(
                "cell-unknown", f"no such cell; {one_of(cell, CELLS)}", key="build.cell", value=cell
            )
        self.settings = {
            "vocabulary_size": vocabulary_size, "embedding_dim": embedding_dim, "units": units,
            "cell": cell, "attention": attention, "dropout": dropout,
        }  # fmt: skip
        initializer = keras.initializers.RandomNormal(stddev=embedding_dim**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            vocabulary_size, embedding_dim, embeddings_initializer=initializer, name="embedding"
        )
        returns = {"return_sequences": True, "return_state": True}
        self.encoder = layers.Bidirectional(CELLS[cell](units, **returns), name="encoder")
        self.decoder = CELLS[cell](units, **returns, name="decoder")
        states = 2 if cell == "lstm" else 1  # an LSTM has a hidden state and a cell state
        self.bridges = [layers.Dense(units, "tanh", name=f"bridge{i}") for i in range(states)]
        self.drop = layers.Dropout(dropout)
        self.combine = layers.Dense(embedding_dim, name="combine")
        self.norm = layers.LayerNormalization(name="norm")
        if attention:
            self.project = layers.Dense(units, use_bias=False, name="project")
            self.cross_attention = layers.Attention(name="cross_attention")

    def build(self, source_shape, target_in_shape):
        dim, units = self.settings["embedding_dim"], self.settings["units"]
        attention = self.settings["attention"]
        self.embedding.build(source_shape)
        self.encoder.build((*source_shape, dim))
        self.decoder.build((*target_in_shape, dim))
        for bridge in self.bridges:
            bridge.build((source_shape[0], 2 * units))
        self.combine.build((*target_in_shape, 2 * units if attention else units))
        self.norm.build((*target_in_shape, dim))
        if attention:
            self.project.build((*source_shape, 2 * units))
            self.cross_attention.build([(*target_in_shape, units), (*source_shape, units)])

    def call(self, source, target_in, training=False):
        # Teacher forcing: the decoder reads the correct previous ids, not its predictions.
        memory, mask, states = self.encode(source, training)
        embedded = self.drop(self.embed(target_in), training=training)  # (B, T, E)
        outputs, *_ = self.decoder(embedded, initial_state=states, training=training)  # (B, T, U)
        return self.logits(outputs, memory, mask, training)

    def embed(self, ids):
        """(B, T) ids -> (B, T, E), scaled by sqrt(E)."""
        return self.embedding(ids) * self.settings["embedding_dim"] ** 0.5

    def encode(self, source, training=False):
        """(B, S) ids -> the memory, its (B, S) mask, and the decoder's first states, (B, U) each.

        The memory is (B, S, U) with attention. Without, it is the encoder's output and not used.
        """
        mask = ops.not_equal(source, 0)
        embedded = self.drop(self.embed(source), training=training)  # (B, S, E)
        memory, *last = self.encoder(embedded, mask=mask, training=training)  # (B, S, 2 U)
        half = len(last) // 2  # the forward direction's states, then the backward direction's
        pairs = zip(last[:half], last[half:], strict=True)
        states = [
            bridge(ops.concatenate(pair, axis=-1))
            for bridge, pair in zip(self.bridges, pairs, strict=True)
        ]
        return self.project(memory) if self.settings["attention"] else memory, mask, states

    def logits(self, outputs, memory, mask, training=False):
        """(B, T, U) decoder outputs -> (B, T, V), by the transposed embedding."""
        if self.settings["attention"]:
            context = self.cross_attention([outputs, memory], mask=[None, mask])  # (B, T, U)
            outputs = ops.concatenate([context, outputs], axis=-1)
        combined = self.norm(self.combine(self.drop(outputs, training=training)))  # (B, T, E)
        return self.embedding(combined, reverse=True)

    def start(self, source, length: int) -> dict:
        """The state before the first target id; axis 0 of every tensor is B."""
        memory, mask, states = self.encode(source)
        return {"memory": memory, "mask": mask, "states": states}

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids at target position `index` -> (B, V) logits of the next, and the new state."""
        outputs, *states = self.decoder(self.embed(ids[:, None]), initial_state=state["states"])
        logits = self.logits(outputs, state["memory"], state["mask"])
        return logits[:, 0], {**state, "states": states}

    def attention(self, source, target_in):
        """(B, T, S): attention weights, whose rows sum to 1; None without attention."""
        if not self.settings["attention"]:
            return None
        memory, mask, states = self.encode(source)
        outputs, *_ = self.decoder(self.embed(target_in), initial_state=states)
        _, weights = self.cross_attention(
            [outputs, memory], mask=[None, mask], return_attention_scores=True
        )
        return weights

    def compute_output_shape(self, source_shape, target_in_shape):
        return (*target_in_shape, self.settings["vocabulary_size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
