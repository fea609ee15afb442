"""The served graph of `models.classical.pixel_forest`: the same votes as numpy's, to the last one.

Shapes: images of (h, w, c), d features, T trees.
"""

import numpy as np
import tensorflow as tf

from pipelines.classical.forests import Forest
from pipelines.classical.pixel_features import SCALES, UNIT, kernel, of_blurred
from pipelines.evaluation.tf_forest import GraphForest
from pipelines.tasks.segmentation.tiling import mirrored

ROWS = 1 << 14  # pixels at a time; the last part is filled up


class GraphPixelForest(tf.Module):
    """`pixel_features` and `Forest` in the graph; a `PixelModel`."""

    def __init__(self, forest: Forest):
        super().__init__()
        self.forest = GraphForest(forest)
        self.classes = self.forest.classes

    def probabilities(self, image):
        """(h, w, c) uint8 -> (h, w, classes) float32."""
        features = graph_features(image)
        shape = tf.shape(features)
        flat = tf.reshape(features, (-1, features.shape[2]))
        count = shape[0] * shape[1]
        parts = (count + ROWS - 1) // ROWS
        flat = tf.pad(flat, [[0, parts * ROWS - count], [0, 0]])
        votes = tf.map_fn(
            lambda part: self.forest(flat[part * ROWS : (part + 1) * ROWS]),
            tf.range(parts), parallel_iterations=1,
            fn_output_signature=tf.TensorSpec((None, self.classes), tf.int64),
        )  # fmt: skip
        votes = tf.reshape(votes, (-1, self.classes))[:count]
        total = tf.reduce_sum(votes, axis=1, keepdims=True)
        shares = tf.cast(tf.cast(votes, tf.float64) / tf.cast(total, tf.float64), tf.float32)
        return tf.reshape(shares, (shape[0], shape[1], self.classes))


def graph_features(image):
    """`pixel_features` in the graph: (h, w, c) uint8 -> (h, w, d) float32."""
    planes = []
    for channel in range(image.shape[2]):
        plane = tf.cast(image[..., channel], tf.float64)
        planes.append(plane)
        for sigma in SCALES:
            planes += _of_scale(plane, kernel(sigma))
    return tf.cast(tf.stack(planes, axis=2), tf.float32)


def _of_scale(plane, weights: np.ndarray) -> list:
    reach = len(weights) // 2
    taps = tf.constant(weights, tf.float64)
    blurred = _mirror(plane, reach)[None, ..., None]
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        blurred = tf.nn.conv2d(blurred, tf.reshape(taps, shape), 1, "VALID")
    blurred = tf.floor((blurred[0, ..., 0] + UNIT / 2) / UNIT)
    return of_blurred(blurred, _mirror(blurred, 1), tf.sqrt)


def _mirror(plane, reach: int):
    """(h, w) -> (h + 2 reach, w + 2 reach)."""
    for axis in (0, 1):
        plane = tf.gather(plane, mirrored(tf.shape(plane)[axis], reach, reach), axis=axis)
    return plane
