"""Scores of documents by a language model's network: -log p of every token, each exactly once.

A network's layer, LAYER, has

    scored_steps                    tokens that are read at once
    zero_states(rows)               what is carried before a document
    continued(ids, states)          (B, scored_steps) ids -> logits of the tokens after them, and
                                    what is carried to the next ones

A recurrent network carries its state, a Transformer the tokens of the window before. So every token
is predicted from all those before it in its document, or from as many as the context holds.

Shapes: B documents, T tokens.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

LAYER = "language_model"  # of the Keras models
DOCUMENTS = 16  # scored at once


def token_nats(
    model: keras.Model, documents: Sequence[np.ndarray], rows: int = DOCUMENTS
) -> list[np.ndarray]:
    """(length,) float64 for each document of token ids.

    Args:
        model: of a builder of language models.
        documents: id 0, which begins a document, is not in them.
        rows: how many are scored at once; without influence.
    """
    scorer = Scorer(model.get_layer(LAYER))
    nats: list[np.ndarray] = []
    for first in range(0, len(documents), rows):
        nats += _batch(scorer, documents[first : first + rows])
    return nats


def window_nats(model: keras.Model, windows: np.ndarray, rows: int = DOCUMENTS) -> np.ndarray:
    """(n, T) float64: of all tokens but the first of (n, T + 1) windows, each read by itself."""
    scorer = Scorer(model.get_layer(LAYER))
    parts = (windows[first : first + rows] for first in range(0, len(windows), rows))
    return np.concatenate([_read(scorer, ids[:, :-1], ids[:, 1:]) for ids in parts])


def _batch(scorer: "Scorer", documents: Sequence[np.ndarray]) -> list[np.ndarray]:
    steps, lengths = scorer.layer.scored_steps, [len(ids) for ids in documents]
    windows = -(-max(lengths) // steps)
    targets = np.zeros((len(documents), max(windows, 1) * steps), np.int32)
    for row, ids in zip(targets, documents, strict=True):
        row[: len(ids)] = ids
    inputs = np.pad(targets, [(0, 0), (1, 0)])[:, :-1]  # 0 begins each document
    every = _read(scorer, inputs, targets)
    return [row[:length] for row, length in zip(every, lengths, strict=True)]


def _read(scorer: "Scorer", inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(B, T) float64, -log p of the targets after (B, T) inputs."""
    steps, parts = scorer.layer.scored_steps, []
    states = [ops.convert_to_numpy(x) for x in scorer.layer.zero_states(len(inputs))]
    for first in range(0, inputs.shape[1], steps):
        window = slice(first, first + steps)
        nats, states = scorer.predict_on_batch((inputs[:, window], targets[:, window], states))
        parts.append(nats)
    return np.concatenate(parts, axis=1).astype(np.float64)


class Scorer(keras.Model):
    """(ids, targets, states) -> ((B, T) nats, states); a model, as Keras compiles `predict`."""

    def __init__(self, layer: keras.layers.Layer):
        super().__init__()
        self.layer = layer
        # By itself Keras would turn XLA on, which on TensorFlow takes longer than it gains.
        self.jit_compile = keras.config.backend() != "tensorflow"

    def call(self, inputs):
        ids, targets, states = inputs
        logits, states = self.layer.continued(ids, list(states))
        nats = keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)
        return nats, states
