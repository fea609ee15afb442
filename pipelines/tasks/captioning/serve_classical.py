"""`models.classical.caption_neighbours` in the graph: files in, captions of train out.

Shapes: m images of train with n captions, d features of an image, k neighbours, v n-grams.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from models.classical.caption_neighbours import PRECISION, CaptionMemory, CaptionNeighbours
from pipelines.classical import nearest_neighbours
from pipelines.preparation.image_captions import RAW, READER_FILE
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification.graph_reader import GraphReader
from pipelines.tasks.image_classification.serve_classical import GraphFeatures

PARALLEL = 4  # images at a time


class NeighbourCaptioner(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, estimator: CaptionNeighbours, assets: Path):
        super().__init__()
        self.reader = GraphReader(image_decoding.Reader.load(assets / READER_FILE))
        self.features = GraphFeatures(estimator.features)
        self.count = min(estimator.count, len(estimator.known))
        self.known = tf.Variable(estimator.known.astype(np.float64), trainable=False)
        self.memory = GraphMemory(estimator.memory)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=RAW)])
    def caption(self, image_bytes):
        features = self.features(self.reader(image_bytes))  # (B, d)
        products = tf.matmul(features, self.known, transpose_b=True)  # (B, m)
        distances = tf.reduce_sum(self.known**2, axis=1) - 2 * products
        closeness = -tf.math.rint(distances * nearest_neighbours.PRECISION)
        _, nearest = tf.math.top_k(closeness, self.count)  # of equals the first
        signature = (tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.float32))
        caption, score = tf.map_fn(
            self.memory.consensus, nearest, fn_output_signature=signature,
            parallel_iterations=PARALLEL,
        )  # fmt: skip
        return {"caption": caption, "score": score}


class GraphMemory(tf.Module):
    """`CaptionMemory` in the graph. `entries` (n + 1,): where the n-grams of each caption begin."""

    def __init__(self, memory: CaptionMemory):
        super().__init__()
        self.captions = tf.constant(list(memory.captions))
        self.starts = tf.constant(memory.starts)
        vectors = memory.vectors
        self.entries = tf.Variable(vectors.indptr.astype(np.int64), trainable=False)
        self.columns = tf.Variable(vectors.indices.astype(np.int64), trainable=False)
        self.weights = tf.Variable(vectors.data, trainable=False)

    def consensus(self, images):
        """(k,) numbers of images -> (caption, agreement)."""
        starts, ends = tf.gather(self.starts, images), tf.gather(self.starts, images + 1)
        rows = tf.ragged.range(starts, ends).flat_values
        begins, stops = tf.gather(self.entries, rows), tf.gather(self.entries, rows + 1)
        places = tf.ragged.range(begins, stops)  # (rows, n-grams of each)
        owner, places = places.value_rowids(), places.flat_values
        weights = tf.gather(self.weights, places)
        _, column = tf.unique(tf.gather(self.columns, places))
        total = tf.math.unsorted_segment_sum(weights, column, tf.size(column))
        count = tf.size(rows)
        shared = weights * tf.gather(total, column)
        sums = tf.math.unsorted_segment_sum(shared, owner, count)
        agreement = tf.math.rint(sums / tf.cast(count, tf.float64) * PRECISION)
        best = tf.argmax(agreement)
        score = tf.cast(tf.reduce_max(agreement) / PRECISION, tf.float32)
        return tf.gather(self.captions, rows[best]), score


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = NeighbourCaptioner(estimator, assets)
    return module, {"serving_default": module.caption}
