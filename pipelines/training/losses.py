"""Cross-entropy with label smoothing, of class ids and logits; a row, or a position.

Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
"""

import keras
from keras import ops

from pipelines.config.errors import UserError


def smoothed(targets, logits, label_smoothing: float):
    """Cross-entropy in nats, (...).

    Args:
        targets: (...) class ids.
        logits: (..., V).
        label_smoothing: the share of the target's probability that is spread over the V classes.
    """
    # One-hot targets instead of a gather: the gradient of a gather costs more than the loss.
    size = logits.shape[-1]
    probabilities = ops.one_hot(targets, size, dtype=logits.dtype) * (1 - label_smoothing)
    probabilities = probabilities + label_smoothing / size
    return ops.logsumexp(logits, axis=-1) - ops.sum(probabilities * logits, axis=-1)


@keras.saving.register_keras_serializable("pipelines")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy in nats a row, of targets (B,) and logits (B, V).

    Raises:
        UserError: `label_smoothing` is not in [0, 1).
    """

    def __init__(self, label_smoothing: float = 0.0, name="smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise UserError(
                "label-smoothing-invalid", "must be in [0, 1); 0 is no smoothing",
                key="loss.label_smoothing", value=label_smoothing,
            )  # fmt: skip
        self.label_smoothing = label_smoothing

    def call(self, targets, logits):
        return smoothed(targets, logits, self.label_smoothing)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("pipelines")
class MaskedCrossentropy(SmoothedCrossentropy):
    """Nats a token: the mean over the tokens of a batch that are not padding.

    Targets (B, T), logits (B, T, V).
    """

    def __init__(self, label_smoothing: float = 0.0, name="masked_crossentropy", **kwargs):
        super().__init__(label_smoothing, name=name, **kwargs)

    def call(self, targets, logits):
        real = ops.cast(ops.not_equal(targets, 0), logits.dtype)
        return ops.sum(super().call(targets, logits) * real) / ops.maximum(ops.sum(real), 1.0)
