"""Local response normalisation of AlexNet and GoogLeNet, which Keras does not have.

Reference: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012, section 3.3, https://doi.org/10.1145/3065386.
"""

import keras
from keras import ops

# The paper's constants, chosen on validation images: neighbours either side, k, alpha, beta.
REACH, OFFSET, SCALE, POWER = 2, 2.0, 1e-4, 0.75


@keras.saving.register_keras_serializable("models")
class LocalResponseNormalization(keras.layers.Layer):
    """(B, H, W, C) -> the same: a strong response weakens those of neighbouring channels.

        y[c] = x[c] / (2 + 1e-4 sum of x[j]^2 over j from c - 2 to c + 2)^0.75

    It has no weights. Batch normalisation has taken its place since 2015.
    """

    def call(self, x):
        channels = x.shape[-1]
        squares = ops.square(ops.cast(x, "float32"))  # which float16 might not hold
        squares = ops.pad(squares, ((0, 0), (0, 0), (0, 0), (REACH, REACH)))
        total = sum(squares[..., first : first + channels] for first in range(2 * REACH + 1))
        return x / ops.cast(ops.power(OFFSET + SCALE * total, POWER), x.dtype)

    def compute_output_shape(self, shape):
        return shape
