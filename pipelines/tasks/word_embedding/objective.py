"""Loss of word vectors: what it costs to predict words from those around them, or these from it.

It is computed by the model (models/layers/word_vectors.py), since it depends on words that the
model draws or on the tree that it holds. The losses of different models, or of other numbers of
negatives, cannot be compared; their scores can.
"""

import keras
import numpy as np
from keras import ops

from models.word_embeddings import LAYER
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.monitor import Monitor

FEED = "windows"
MONITOR = Monitor("val/loss")


@keras.saving.register_keras_serializable("pipelines")
class MeanCost(keras.losses.Loss):
    """The mean over tokens of what the model says they cost: targets (B, T) ids, costs (B, T)."""

    def call(self, targets, costs):
        real = ops.cast(ops.not_equal(targets, 0), costs.dtype)
        return ops.sum(costs * real) / ops.maximum(ops.sum(real), 1.0)


def loss(spec: DataSpec):
    """Nats a token."""
    return MeanCost()


def metrics(spec: DataSpec) -> list:
    return []


def fit_closed_form(model, train: dict, val: dict, spec: DataSpec) -> None:
    """Gives the model the counts of train's tokens: for noise words, or its Huffman tree."""
    ids = np.concatenate(train[spec.target.name])
    model.get_layer(LAYER).count_words(np.bincount(ids, minlength=spec.outputs))


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """None: vectors decide nothing."""
    return DecisionRule()
