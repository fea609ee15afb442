"""`models.classical.pca_images` in the graph: the same numbers as numpy's, in double precision."""

import numpy as np
import tensorflow as tf

from models.classical.pca_images import PrincipalComponents


class GraphPCA(tf.Module):
    """{input: (B, H, W, C) uint8} -> {"reconstruction": (B, H, W, C), "code": (B, k)}, float64."""

    def __init__(self, pca: PrincipalComponents):
        super().__init__()
        self.mean = tf.constant(pca.mean)  # (d,)
        self.directions = tf.Variable(pca.directions, trainable=False)  # (k, d)

    def __call__(self, inputs, training=False):
        (images,) = inputs.values()
        shape = images.shape[1:]
        pixels = tf.reshape(tf.cast(images, tf.float64) / 255, (-1, np.prod(shape)))
        code = tf.matmul(pixels - self.mean, self.directions, transpose_b=True)
        flat = tf.clip_by_value(code @ self.directions + self.mean, 0, 1)
        return {"reconstruction": tf.reshape(flat, (-1, *shape)), "code": code}
