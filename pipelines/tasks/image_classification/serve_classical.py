"""The served graph of `models.classical.hog_svm`: files in, the same answer as a network's out.

The numpy functions of `pipelines.classical` in TensorFlow, in double precision, with the features
rounded to float32 at the same place. Shapes: B images of (H, W, C), d features, s support vectors.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.classical import hog
from pipelines.classical.image_classifiers import NEVER
from pipelines.classical.image_features import COLOUR_CELLS, ImageFeatures
from pipelines.classical.svm_decisions import OneVsRest, PairwiseSVM, pair_matrices
from pipelines.evaluation.tf_classifier import GraphOneVsRest, MarginAnswer
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification.graph_reader import GraphReader


class ClassicalImageClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, estimator, spec: DataSpec, assets: Path):
        super().__init__()
        self.reader = GraphReader(image_decoding.Reader.load(assets / "image.json"))
        self.features = GraphFeatures(estimator.features)
        self.classifier = GRAPHS[type(estimator.classifier)](estimator.classifier)
        self.answer = MarginAnswer(spec, estimator.calibration)
        self.learned, self.classes = estimator.learned, spec.outputs

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
    def classify(self, image_bytes):
        margins, predicted = self.classifier(self.features(self.reader(image_bytes)))
        classes = tf.gather(tf.constant(self.learned, tf.int32), predicted)
        return self.answer(self._of_all_classes(margins), classes)

    def _of_all_classes(self, margins):
        """`image_classifiers.of_all_classes` in the graph."""
        if len(self.learned) == self.classes:
            return margins
        if margins.shape[1] == 1:
            margins = tf.concat([-margins, margins], axis=1)
        places = np.eye(self.classes)[self.learned]  # (k', k)
        return margins @ places + NEVER * (1 - places.sum(axis=0))


class GraphFeatures(tf.Module):
    """`ImageFeatures` in the graph: (B, H, W, C) uint8 -> (B, d) float64."""

    def __init__(self, features: ImageFeatures):
        super().__init__()
        self.kind, self.size, self.cell = features.kind, features.size, features.cell

    def __call__(self, images):
        images = tf.cast(resized(images, self.size), tf.float64)
        if self.kind == "pixels":
            return _rounded(_flat(images / 255))
        edges = _flat(hog_cells(images, self.cell))
        if self.kind == "edges":
            return _rounded(edges)
        return _rounded(tf.concat([edges, _flat(mean_colours(images))], axis=1))


class GraphPairwiseSVM(tf.Module):
    """`PairwiseSVM` in the graph: (B, d) -> margins (B, k) or (B, 1), class numbers (B,)."""

    def __init__(self, svm: PairwiseSVM):
        super().__init__()
        self.sizes, self.pairs, self.gamma = svm.sizes.tolist(), svm.pairs, float(svm.gamma[0])
        self.shift, self.intercepts = svm.shift, svm.intercepts
        self.projection = tf.Variable(svm.projection, trainable=False)
        self.vectors = tf.Variable(svm.vectors, trainable=False)
        self.dual = tf.Variable(svm.dual, trainable=False)

    def __call__(self, features):
        decisions = self._decisions(features)
        if len(self.sizes) == 2:
            return decisions, tf.cast(decisions[:, 0] > 0, tf.int32)
        first, second = pair_matrices(len(self.sizes))
        wins = tf.cast(decisions > 0, tf.float64)
        votes = wins @ first + (1 - wins) @ second
        total = decisions @ (first - second)
        return votes + total / (3 * (tf.abs(total) + 1)), tf.argmax(votes, axis=1)

    def _decisions(self, features):
        x = features - self.shift
        if self.projection.shape[0]:
            x = x @ self.projection
        kernel = tf.matmul(x, self.vectors, transpose_b=True)  # (B, s)
        if self.gamma:
            squares = tf.reduce_sum(x**2, axis=1)[:, None] + tf.reduce_sum(self.vectors**2, axis=1)
            kernel = tf.exp(-self.gamma * tf.maximum(squares - 2 * kernel, 0))
        weighted = [
            tf.matmul(of_class, dual, transpose_b=True)
            for of_class, dual in zip(
                tf.split(kernel, self.sizes, axis=1), tf.split(self.dual, self.sizes, axis=1),
                strict=True,
            )
        ]  # fmt: skip
        if len(self.sizes) == 2:
            return weighted[0] + weighted[1] + self.intercepts
        pairs = [weighted[i][:, j - 1] + weighted[j][:, i] for i, j in self.pairs]
        return tf.stack(pairs, axis=1) + self.intercepts


GRAPHS = {PairwiseSVM: GraphPairwiseSVM, OneVsRest: GraphOneVsRest}


def resized(images, size: tuple[int, int]):
    """`image_decoding.resize` of a batch: (B, H, W, C) uint8 -> (B, height, width, C) int64."""
    images = tf.cast(images, tf.int64)
    if tuple(images.shape[1:3]) == tuple(size):
        return images
    tall = _resized_rows(images, size[0])
    return tf.transpose(_resized_rows(tf.transpose(tall, (0, 2, 1, 3)), size[1]), (0, 2, 1, 3))


def _resized_rows(images, length: int):
    """Axis 1 of (B, size, w, C) int64 to `length`; exact, as all numbers are below 2**53."""
    size = images.shape[1]
    if size == length:
        return images
    weights = image_decoding.triangle(size, length)
    total = weights.sum(axis=1)[:, None, None]
    sums = tf.einsum("ls,bswc->blwc", weights.astype(np.float64), tf.cast(images, tf.float64))
    return (2 * tf.cast(sums, tf.int64) + total) // (2 * total)


def hog_cells(images, cell: int):
    """`hog.hog` in the graph: (B, H, W, C) float64, 0 to 255 -> (B, rows, columns, 4 * BINS)."""
    values = tf.sqrt(images / 255)
    down = tf.pad(values[:, 2:] - values[:, :-2], [[0, 0], [1, 1], [0, 0], [0, 0]])
    across = tf.pad(values[:, :, 2:] - values[:, :, :-2], [[0, 0], [0, 0], [1, 1], [0, 0]])
    strongest = tf.argmax(down**2 + across**2, axis=3)  # (B, H, W)
    down, across = (tf.gather(x, strongest, batch_dims=3) for x in (down, across))
    length = tf.sqrt(down**2 + across**2)
    angle = tf.math.floormod(tf.atan2(down, across), np.pi)
    position = angle * (hog.BINS / np.pi) - 0.5
    lower = tf.floor(position)
    upper_share = position - lower
    lower_bin, upper_bin = (
        tf.one_hot(tf.cast(lower + step, tf.int32) % hog.BINS, hog.BINS, dtype=tf.float64)
        for step in (0, 1)
    )  # (B, H, W, BINS)
    shares = lower_bin * (1 - upper_share)[..., None] + upper_bin * upper_share[..., None]
    votes = length[..., None] * shares
    rows, columns = votes.shape[1] // cell, votes.shape[2] // cell
    blocks = tf.reshape(votes, (-1, rows, cell, columns, cell, hog.BINS))
    return _normalized(tf.reduce_sum(blocks, axis=(2, 4)))


def _normalized(cells):
    corners = (cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:])
    blocks = tf.concat(corners, axis=3)
    for _ in range(2):
        blocks = tf.minimum(_unit_length(blocks), hog.CLIP)
    return _unit_length(blocks)


def _unit_length(blocks):
    squares = tf.reduce_sum(blocks**2, axis=3, keepdims=True)
    return blocks / tf.sqrt(squares + hog.EPSILON)


def mean_colours(images):
    """`hog.mean_colours` in the graph."""
    height, width, channels = images.shape[1:]
    sides = (COLOUR_CELLS, height // COLOUR_CELLS, COLOUR_CELLS, width // COLOUR_CELLS, channels)
    return tf.reduce_mean(tf.reshape(images, (-1, *sides)), axis=(2, 4)) / 255


def _flat(values):
    return tf.reshape(values, (-1, np.prod(values.shape[1:])))


def _rounded(features):
    """To float32, where numpy's features are, which the classifier was fitted to."""
    return tf.cast(tf.cast(features, tf.float32), tf.float64)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = ClassicalImageClassifier(estimator, spec, assets)
    return module, {"serving_default": module.classify}
