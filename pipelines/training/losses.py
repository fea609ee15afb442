"""Cross-entropy with label smoothing, of class numbers and logits.

Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
"""

import keras
from keras import ops

from pipelines.config.errors import UserError


def smoothed(targets, logits, label_smoothing: float):
    """Nats, (...), of targets (...) and logits (..., V). `label_smoothing` takes that share of the
    target's probability and spreads it over the V classes.

    The targets' logits are not gathered but multiplied out: the gradient of gathering them costs
    more than the loss, of which nothing is larger than the logits."""
    size = logits.shape[-1]
    wanted = ops.one_hot(targets, size, dtype=logits.dtype) * (1 - label_smoothing)
    wanted = wanted + label_smoothing / size
    return ops.logsumexp(logits, axis=-1) - ops.sum(wanted * logits, axis=-1)


@keras.saving.register_keras_serializable("pipelines")
class SmoothedCrossentropy(keras.losses.Loss):
    """Nats a row, of targets (B,) and logits (B, V)."""

    def __init__(self, label_smoothing: float = 0.0, name="smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise UserError(f"label_smoothing must lie in [0, 1), found {label_smoothing}")
        self.label_smoothing = label_smoothing

    def call(self, targets, logits):
        return smoothed(targets, logits, self.label_smoothing)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
