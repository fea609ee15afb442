"""What training minimises and watches: the next sub-word, given those before it in the reference.

The reference is fed to the decoder whatever the model would have said ("teacher forcing", Williams
and Zipser 1989).
"""

import keras
from keras import ops

from pipelines.config.errors import UserError
from pipelines.inference import decision
from pipelines.spec import DataSpec
from pipelines.training.losses import SmoothedCrossentropy

MONITOR = "val/loss"


@keras.saving.register_keras_serializable("pipelines")
class MaskedCrossentropy(SmoothedCrossentropy):
    """Nats a token: the mean over all real tokens of a batch, so padding weighs nothing. Targets
    (B, T), logits (B, T, V)."""

    def __init__(self, label_smoothing: float = 0.0, name="masked_crossentropy", **kwargs):
        super().__init__(label_smoothing, name=name, **kwargs)

    def call(self, targets, logits):
        real = ops.cast(ops.not_equal(targets, 0), logits.dtype)
        return ops.sum(super().call(targets, logits) * real) / ops.maximum(ops.sum(real), 1.0)


@keras.saving.register_keras_serializable("pipelines")
class MaskedAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The share of real tokens that are the likeliest."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        real = ops.cast(ops.not_equal(y_true, 0), "float32")
        return super().update_state(y_true, y_pred, sample_weight=real)


def loss(spec: DataSpec, *, label_smoothing: float = 0.0):
    return MaskedCrossentropy(label_smoothing)


def metrics(spec: DataSpec):
    return [MaskedAccuracy(name="accuracy")]


def decide(
    predict, targets, spec: DataSpec, *, beams: int = 1, length_power: float = 1.0
) -> decision.Decision:
    """How translations are searched for; see scoring/decoding.py. Nothing is fitted, and `predict`
    is left alone: logits of a vocabulary of thousands are gigabytes."""
    if beams < 1 or length_power < 0:
        raise UserError(f"beams {beams} must be 1 or more, length_power {length_power} 0 or more")
    return decision.Decision(options={"beams": beams, "length_power": length_power})
