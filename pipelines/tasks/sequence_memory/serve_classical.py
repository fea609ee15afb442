"""The served graph of `models.classical.linear_sequence`: its numpy functions in TensorFlow.

Computed in double precision and answered in float32. Shapes as in pipelines/classical/
linear_sequences.py.
"""

import numpy as np
import tensorflow as tf

from pipelines.spec import DataSpec


class GraphLinear(tf.Module):
    """`Features` and `LinearMap` in the graph: (B, T, C) or (B, T) -> numbers or probabilities."""

    def __init__(self, estimator, spec: DataSpec):
        super().__init__()
        features, linear = estimator.features, estimator.map
        self.size, self.steps = features.size, features.steps
        self.is_number, self.has_steps = linear.is_number, bool(spec.target.shape)
        positions = np.zeros((len(linear.positions), len(linear.biases)))  # (p, P)
        positions[np.arange(len(linear.positions)), linear.positions] = 1
        self.positions = tf.constant(positions)
        self.weights = tf.Variable(linear.weights, trainable=False)
        self.biases = tf.Variable(linear.biases, trainable=False)

    def __call__(self, sequence):
        varying = tf.einsum("nd,pdk->npk", self._features(sequence), self.weights)
        outputs = tf.einsum("npk,pq->nqk", varying, self.positions) + self.biases  # (B, P, k)
        if self.is_number:
            return tf.cast(outputs[:, 0, 0], tf.float32)
        probabilities = tf.cast(tf.nn.softmax(outputs), tf.float32)
        return probabilities if self.has_steps else probabilities[:, 0]

    def _features(self, sequence):
        """(B, d) float64."""
        if self.size:
            read = tf.gather(sequence, self.steps, axis=1)
            one_hot = tf.one_hot(read, self.size, dtype=tf.float64)
            return tf.reshape(one_hot, (-1, len(self.steps) * self.size))
        return tf.reshape(tf.cast(sequence, tf.float64), (-1, np.prod(sequence.shape[1:])))
