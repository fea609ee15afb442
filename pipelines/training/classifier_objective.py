"""What training a classifier minimises, watches and decides by, whatever it classifies."""

import keras

from pipelines.inference import decision
from pipelines.spec import DataSpec
from pipelines.training.losses import SmoothedCrossentropy

MONITOR = "val/loss"


def loss(spec: DataSpec, *, label_smoothing: float = 0.0):
    if label_smoothing:
        return SmoothedCrossentropy(label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def metrics(spec: DataSpec):
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]


def decide(predict, targets, spec: DataSpec, *, false_alarm_cost: float = 1.0) -> decision.Decision:
    """The decision rule, from validation rows; `predict()` gives their logits."""
    return decision.choose(predict(), targets, spec.positive_id, false_alarm_cost)
