"""Recurrent encoder-decoder, with or without attention, which can also be run step by step.

References: Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks",
NIPS 2014; Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014;
Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation",
EMNLP 2015. Shapes: B rows, S source and T target positions, U units, C embedding width, V
sub-words.
"""

import keras
from keras import layers, ops

CELLS = {"gru": layers.GRU, "lstm": layers.LSTM}


@keras.saving.register_keras_serializable("models")
class RecurrentTranslator(layers.Layer):
    """(B, S) source ids and (B, T) target ids, shifted right -> (B, T, V) logits of the next id.

    The encoder reads from both ends; what it remembers at the end starts the decoder. Without
    attention that is all the decoder ever knows of the source; with it, each of its states also
    looks back at every source position (scores are dot products). One embedding serves source,
    target and output. What it turns into logits is normalised: with a tanh there, as in the papers,
    it learns far more slowly. size: V. units: U, of each direction and of the decoder.
    cell: gru | lstm.
    """

    def __init__(self, size, embedding_width, units, cell, attention, dropout, **kwargs):
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise ValueError(f"cell is {cell!r}, expected one of {', '.join(CELLS)}")
        self.settings = {
            "size": size, "embedding_width": embedding_width, "units": units, "cell": cell,
            "attention": attention, "dropout": dropout,
        }  # fmt: skip
        start = keras.initializers.RandomNormal(stddev=embedding_width**-0.5)
        self.embedding = layers.ReversibleEmbedding(
            size, embedding_width, embeddings_initializer=start, name="embedding"
        )
        both = {"return_sequences": True, "return_state": True}
        self.encoder = layers.Bidirectional(CELLS[cell](units, **both), name="encoder")
        self.decoder = CELLS[cell](units, **both, name="decoder")
        states = 2 if cell == "lstm" else 1
        self.bridges = [layers.Dense(units, "tanh", name=f"bridge{i}") for i in range(states)]
        self.drop = layers.Dropout(dropout)
        self.combine = layers.Dense(embedding_width, name="combine")
        self.norm = layers.LayerNormalization(name="norm")
        if attention:
            self.project = layers.Dense(units, use_bias=False, name="project")
            self.look = layers.Attention(name="look")

    def build(self, source_shape, target_in_shape):
        width, units = self.settings["embedding_width"], self.settings["units"]
        attention = self.settings["attention"]
        self.embedding.build(source_shape)
        self.encoder.build((*source_shape, width))
        self.decoder.build((*target_in_shape, width))
        for bridge in self.bridges:
            bridge.build((source_shape[0], 2 * units))
        self.combine.build((*target_in_shape, 2 * units if attention else units))
        self.norm.build((*target_in_shape, width))
        if attention:
            self.project.build((*source_shape, 2 * units))
            self.look.build([(*target_in_shape, units), (*source_shape, units)])

    def call(self, source, target_in, training=False):
        memory, real, states = self.encode(source, training)
        embedded = self.drop(self.embed(target_in), training=training)
        said, *_ = self.decoder(embedded, initial_state=states, training=training)
        return self.logits(said, memory, real, training)

    def embed(self, ids):
        return self.embedding(ids) * self.settings["embedding_width"] ** 0.5

    def encode(self, source, training=False):
        """(B, S) ids -> (B, S, U) memory, (B, S) where it holds a token, the decoder's states."""
        real = ops.not_equal(source, 0)
        embedded = self.drop(self.embed(source), training=training)
        memory, *ends = self.encoder(embedded, mask=real, training=training)
        half = len(ends) // 2
        states = [
            bridge(ops.concatenate(pair, axis=-1))
            for bridge, pair in zip(
                self.bridges, zip(ends[:half], ends[half:], strict=True), strict=True
            )
        ]
        return self.project(memory) if self.settings["attention"] else memory, real, states

    def logits(self, said, memory, real, training=False):
        if self.settings["attention"]:
            said = ops.concatenate([self.look([said, memory], mask=[None, real]), said], axis=-1)
        combined = self.norm(self.combine(self.drop(said, training=training)))
        return self.embedding(combined, reverse=True)

    def start(self, source, length: int) -> dict:
        """The state before the first target id. Every tensor's first axis is B."""
        memory, real, states = self.encode(source)
        return {"memory": memory, "real": real, "states": states}

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids at target position `index` -> (B, V) logits of the next, and the new state."""
        said, *states = self.decoder(self.embed(ids[:, None]), initial_state=state["states"])
        logits = self.logits(said, state["memory"], state["real"])
        return logits[:, 0], {**state, "states": states}

    def attention(self, source, target_in):
        """(B, T, S): how each target position shares its attention out; None without attention."""
        if not self.settings["attention"]:
            return None
        memory, real, states = self.encode(source)
        said, *_ = self.decoder(self.embed(target_in), initial_state=states)
        masks = [None, real]
        return self.look([said, memory], mask=masks, return_attention_scores=True)[1]

    def compute_output_shape(self, source_shape, target_in_shape):
        return (*target_in_shape, self.settings["size"])

    def get_config(self):
        return {**super().get_config(), **self.settings}
