"""`models.classical.linear_vqa` in the graph: the same logits as numpy's, in double precision."""

import numpy as np
import tensorflow as tf

from models.classical.linear_components import LinearClassifier
from pipelines.preparation.visual_questions import IMAGE, WORDS
from pipelines.tasks.image_classification.serve_classical import GraphFeatures


class GraphLinearAnswers(tf.Module):
    """{image (B, H, W, C) uint8, words (B, T) int32} -> (B, k) logits, float64."""

    def __init__(self, model: LinearClassifier):
        super().__init__()
        self.words = model.features.words
        pixels = model.features.pixels
        self.pixels = None if pixels is None else GraphFeatures(pixels)
        self.weights = tf.Variable(model.map.weights[0], trainable=False)  # (d, k)
        self.biases = tf.constant(np.asarray(model.map.biases[0]))

    def __call__(self, inputs, training=False):
        ids = inputs[WORDS]
        counted = tf.where(ids <= self.words, ids, 0)  # rare words as padding, which is left out
        one_hot = tf.one_hot(counted, self.words + 1, dtype=tf.float64)  # (B, T, W + 1)
        features = tf.reduce_max(one_hot, axis=1)[:, 1:]
        if self.pixels is not None:
            features = tf.concat([features, self.pixels(inputs[IMAGE])], axis=1)
        return features @ self.weights + self.biases
