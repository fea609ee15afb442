"""A language model that counts, served."""

import numpy as np
import tensorflow as tf

from pipelines.tasks.language_modeling.ngram_graph import NgramGraph


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

    def step(self, ids: tf.Tensor, state: tf.Tensor):
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
        return tf.reduce_sum(self.token_nats(ids), axis=1)

    def token_nats(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """(B, None) float64, -log p of each token of (B, None) documents."""
        return self.graph.token_nats(tf.cast(ids, tf.int64) - 1)
