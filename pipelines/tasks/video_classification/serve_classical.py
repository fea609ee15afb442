"""The served graph of `models.classical.linear_motion`: numpy's functions in TensorFlow.

Computed in double precision. Shapes: B movies of T frames (H, W, C), d features, k classes.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from models.classical.linear_motion import Motion
from pipelines.classical.motion_features import PARTS, SMALLEST, MotionFeatures
from pipelines.evaluation.tf_classifier import Answer
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing.video_decoding import ASSET, VideoReader
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification.serve_classical import GraphFeatures
from pipelines.tasks.video_classification.graph_gif import INPUT, GraphVideoReader


class ClassicalVideoClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, estimator, spec: DataSpec, assets: Path):
        super().__init__()
        self.reader = GraphVideoReader(VideoReader.load(assets / ASSET))
        features = estimator.model.features
        is_motion = isinstance(features, Motion)
        self.features = GraphMotion(features.features) if is_motion else GraphMiddleFrame(features)
        linear = estimator.model.map
        self.weights = tf.Variable(linear.weights[0], trainable=False)
        self.biases = tf.Variable(linear.biases[0], trainable=False)
        self.answer = Answer(spec, DecisionRule())

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=INPUT)])
    def classify(self, video_bytes):
        features = self.features(self.reader(video_bytes))
        return self.answer.of_probabilities(tf.nn.softmax(features @ self.weights + self.biases))


class GraphMiddleFrame(tf.Module):
    """`MiddleFrame` in the graph: (B, T, H, W, C) uint8 -> (B, d) float64."""

    def __init__(self, features):
        super().__init__()
        self.pixels = GraphFeatures(features.pixels)

    def __call__(self, frames):
        return self.pixels(frames[:, frames.shape[1] // 2])


class GraphMotion(tf.Module):
    """`MotionFeatures` in the graph: (B, T, H, W, C) uint8 -> (B, d) float64."""

    def __init__(self, features: MotionFeatures):
        super().__init__()
        self.cells = features.cells

    def __call__(self, frames):
        grey = tf.reduce_mean(tf.cast(frames, tf.float64), axis=4) / 255  # (B, T, H, W)
        moved, change = displacements(grey), tf.abs(grey[:, 1:] - grey[:, :-1])
        before, after = moved[:, :-1], moved[:, 1:]
        turned = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
        bounds = np.linspace(0, moved.shape[1], PARTS + 1).round().astype(int)
        parts = [moved[:, a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True) if b > a]
        return tf.concat(
            [
                *(tf.reduce_mean(part, axis=1) for part in parts),
                tf.reduce_mean(tf.abs(moved), axis=1),
                tf.reduce_mean(turned, axis=1, keepdims=True),
                tf.reshape(self._pooled(tf.reduce_mean(change, axis=1)), (-1, self.cells**2)),
            ],
            axis=1,
        )

    def _pooled(self, change):
        """`cell_means` in the graph."""
        rows, columns = (
            tf.constant(MotionFeatures.averages(side, self.cells)) for side in change.shape[1:]
        )
        return tf.einsum("rh,bhw,cw->brc", rows, change, columns)


def displacements(grey):
    """`motion_features.displacements` in the graph: (B, T, H, W) -> (B, T - 1, 2)."""
    first, second = grey[:, :-1], grey[:, 1:]
    mean, change = (first + second) / 2, (second - first)[:, :, 1:-1, 1:-1]
    down = (mean[:, :, 2:, 1:-1] - mean[:, :, :-2, 1:-1]) / 2
    right = (mean[:, :, 1:-1, 2:] - mean[:, :, 1:-1, :-2]) / 2

    def total(a, b):
        return tf.reduce_sum(a * b, axis=(2, 3))

    a, b, d = total(down, down) + SMALLEST, total(down, right), total(right, right) + SMALLEST
    u, v = -total(down, change), -total(right, change)
    return tf.stack([d * u - b * v, a * v - b * u], axis=2) / (a * d - b * b)[..., None]


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = ClassicalVideoClassifier(estimator, spec, assets)
    return module, {"serving_default": module.classify}
