"""The served graph of a language model that counts."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling.ngram_graph import NgramGraph
from pipelines.tasks.language_modeling.served_model import endpoints_of


class NgramDecoder(tf.Module):
    """A decoder over an n-gram model; its ids are those of the data set, with 0 for BEGIN.

    The state is the history before the last token, (B, order - 2) or empty.
    """

    def __init__(self, graph: NgramGraph):
        super().__init__()
        self.graph = graph

    def start(self, ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(state, last token) of prompts, (B, None) int32 ids."""
        begun = tf.concat([tf.zeros((ids.nrows(), 1), tf.int32), ids], axis=1)
        longest = max(self.graph.order - 1, 1)
        before = -tf.ones((ids.nrows(), longest), tf.int32)  # nothing comes before BEGIN
        history = tf.concat([before, begun], axis=1)[:, -longest:].to_tensor(shape=(None, longest))
        return history[:, :-1], history[:, -1]

    def step(self, ids: tf.Tensor, index: tf.Tensor, state: tf.Tensor):
        """(B, V + 1) logits of the next token, and the state one token later."""
        history = tf.concat([state, ids[:, None]], axis=1)
        tokens, begin = tf.cast(history, tf.int64), tf.constant(self.graph.size, tf.int64)
        tokens = tf.where(tokens > 0, tokens - 1, tf.where(tokens == 0, begin, -1))
        needed = tf.shape(tokens)[1] - (self.graph.order - 1)  # a model of order 1 needs none
        probability = self.graph.distribution(tokens[:, needed:])
        padding = tf.fill((tf.shape(ids)[0], 1), tf.constant(-np.inf, tf.float64))
        return tf.concat([padding, tf.math.log(probability)], axis=1), history[:, 1:]

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B,) sums of -log p over the tokens of (B, None) documents."""
        return self.graph.nats(tf.cast(ids, tf.int64) - 1)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    return endpoints_of(NgramDecoder(NgramGraph(estimator.model)), spec, assets)
