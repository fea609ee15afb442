"""Loss, metrics and decision rule of a classifier, of texts or of images."""

import keras

from pipelines.inference import decision
from pipelines.spec import DataSpec
from pipelines.training.losses import SmoothedCrossentropy
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")


def loss(spec: DataSpec, *, label_smoothing: float = 0.0):
    if label_smoothing:
        return SmoothedCrossentropy(label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def metrics(spec: DataSpec):
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]


def fit_decision_rule(
    predict, targets, spec: DataSpec, *, false_alarm_cost: float = 1.0
) -> decision.DecisionRule:
    """The rule from validation rows, whose logits `predict()` returns."""
    return decision.fit_decision_rule(predict(), targets, spec.positive_id, false_alarm_cost)
