"""`ngram_lm.NgramModel` in TensorFlow operations; the recursion is described there.

The tables are variables and not constants, as a graph cannot hold more than 2 GB. Probabilities are
float64, as in Python.
"""

import numpy as np
import tensorflow as tf

from pipelines.classical.ngram_lm.model import UNKNOWN, Level, NgramModel


class NgramGraph(tf.Module):
    """Probabilities of an n-gram model; V is its vocabulary size, BEGIN has the id V."""

    def __init__(self, model: NgramModel):
        super().__init__()
        self.size, self.order = model.vocabulary_size, model.order
        self.levels = [LevelGraph(level, self.size + 1) for level in model.levels]

    def token_nats(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """(B, None) float64, -log p of each token of each document.

        Args:
            ids: (B, None) int64, less than V.
        """
        begin = tf.fill((ids.nrows(), 1), tf.constant(self.size, tf.int64))
        stream = tf.concat([begin, ids], axis=1)
        tokens, document = stream.values, stream.value_rowids()  # (n,)
        ages = tf.range(tf.size(tokens, tf.int64)) - tf.gather(stream.row_starts(), document)
        probability = tf.fill(tf.shape(tokens), tf.constant(1 / self.size, tf.float64))
        contexts = tf.zeros_like(tokens)
        for length, level in enumerate(self.levels, start=1):
            rows = level.rows(contexts, tokens)
            weights, known = level.weights_of(contexts)
            known &= ages >= length - 1
            values = tf.where(rows >= 0, tf.gather(level.values, tf.maximum(rows, 0)), 0)
            probability = tf.where(known, weights * probability + values, probability)
            contexts = tf.concat([[tf.constant(-1, tf.int64)], rows[:-1]], axis=0)
            contexts = tf.where(ages >= length, contexts, -1)
        predicted = tf.boolean_mask(probability, ages > 0)
        return tf.RaggedTensor.from_row_lengths(-tf.math.log(predicted), ids.row_lengths())

    def distribution(self, history: tf.Tensor) -> tf.Tensor:
        """(B, V) float64 probabilities of the next token.

        Args:
            history: (B, order - 1) int64, the last tokens, BEGIN among them where a document is so
                short; before BEGIN, -1.
        """
        batch = tf.shape(history, tf.int64)[0]
        probability = tf.fill((batch, tf.constant(self.size, tf.int64)), np.float64(1 / self.size))
        for length, level in enumerate(self.levels, start=1):
            contexts = tf.zeros((batch,), tf.int64)
            for depth in range(length - 1):  # the row of the last `length - 1` tokens
                token = history[:, self.order - length + depth]
                rows = self.levels[depth].rows(contexts, tf.maximum(token, 0))
                contexts = tf.where((token >= 0) & (contexts >= 0), rows, -1)
            probability = level.next_tokens(contexts, probability)
        return probability


class LevelGraph(tf.Module):
    """The n-grams of one order; see `Level`. base: by which a key is context and token."""

    def __init__(self, level: Level, base: int):
        super().__init__()
        self.base = base
        self.keys, self.values, self.weights = (
            tf.Variable(array, trainable=False, name=name)
            for name, array in (
                ("keys", np.asarray(level.keys, np.int64)),
                ("values", level.values),
                ("weights", level.weights),
            )
        )

    def rows(self, contexts: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        """(n,) rows of the n-grams; -1 where there is none."""
        keys = contexts * self.base + tokens
        rows = tf.searchsorted(self.keys, keys, out_type=tf.int64)
        rows = tf.minimum(rows, tf.size(self.keys, tf.int64) - 1)
        return tf.where((tf.gather(self.keys, rows) == keys) & (contexts >= 0), rows, -1)

    def weights_of(self, contexts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(weights, whether there is one) of the contexts."""
        weights = tf.gather(self.weights, tf.maximum(contexts, 0))
        known = (contexts >= 0) & (weights != UNKNOWN)
        return tf.where(known, weights, 1), known

    def next_tokens(self, contexts: tf.Tensor, shorter: tf.Tensor) -> tf.Tensor:
        """(B, V) probabilities after contexts (B,), from those after one token less."""
        weights, known = self.weights_of(contexts)
        contexts = tf.maximum(contexts, 0)
        first, last = (
            tf.searchsorted(self.keys, contexts * self.base + offset, out_type=tf.int64)
            for offset in (0, self.base - 1)  # the last id is BEGIN, which nothing predicts
        )
        followers = tf.ragged.range(first, tf.where(known, last, first))  # (B, None) rows
        row = followers.value_rowids()
        tokens = tf.gather(self.keys, followers.values) - tf.gather(contexts, row) * self.base
        places = tf.stack([row, tokens], axis=1)
        values = tf.gather(self.values, followers.values)
        return tf.tensor_scatter_nd_add(shorter * weights[:, None], places, values)
