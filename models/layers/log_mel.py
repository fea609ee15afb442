"""The log-mel spectrum of a signal as the first layer of a network: part of the served graph."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("models")
class LogMel(keras.layers.Layer):
    """(B, T, C) -> (B, F, bands, C): log(|STFT|^2 filters + smallest) of every column.

    The same numbers as those of pipelines/classical/spectra.py, which has the equations: powers are
    computed in double precision, since the logarithm of a quiet band shows what single precision
    loses beside a loud one. With TensorFlow, Keras computes it by tf.signal.

    Args:
        size: samples of a frame.
        hop: samples from one frame to the next.
        bands: of the mel spectrum.
        smallest: added to the powers.

    The filters, (size / 2 + 1, bands), are a weight that is not trained; `set_filters` gives them.
    """

    def __init__(self, size: int, hop: int, bands: int, smallest: float, **kwargs):
        super().__init__(autocast=False, **kwargs)  # the signal keeps its precision
        self.size, self.hop, self.bands, self.smallest = size, hop, bands, smallest

    def build(self, shape):
        self.filters = self.add_weight(
            (self.size // 2 + 1, self.bands), "zeros", "float64", trainable=False, name="filters",
            autocast=False,
        )  # fmt: skip

    def set_filters(self, filters: np.ndarray) -> None:
        """After `build`; a saved model has them."""
        self.filters.assign(filters)

    def call(self, signal):
        columns = ops.transpose(ops.cast(signal, "float64"), (0, 2, 1))  # (B, C, T)
        real, imaginary = ops.stft(columns, self.size, self.hop, self.size, center=False)
        power = ops.square(real) + ops.square(imaginary)  # (B, C, F, size / 2 + 1)
        mels = ops.maximum(ops.matmul(power, self.filters), 0)  # (B, C, F, bands)
        log_mels = ops.log(mels + self.smallest)
        return ops.cast(ops.transpose(log_mels, (0, 2, 3, 1)), self.compute_dtype)

    def compute_output_shape(self, shape):
        return (shape[0], 1 + (shape[1] - self.size) // self.hop, self.bands, shape[2])

    def get_config(self):
        settings = {"size": self.size, "hop": self.hop, "bands": self.bands,
                    "smallest": self.smallest}  # fmt: skip
        return {**super().get_config(), **settings}
