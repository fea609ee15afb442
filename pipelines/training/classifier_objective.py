"""Loss, metrics and decision rule of a classifier, of texts or of images."""

import keras

from pipelines.inference import decision
from pipelines.spec import DataSpec
from pipelines.training.losses import SmoothedCrossentropy
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")


def loss(spec: DataSpec, *, label_smoothing: float = 0.0):
    """Cross-entropy of the class, from logits.

    Args:
        spec: of the data.
        label_smoothing: probability that the target gives to all classes alike (Szegedy et al.
            2016).
    """
    if label_smoothing:
        return SmoothedCrossentropy(label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def metrics(spec: DataSpec):
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]


def fit_decision_rule(
    predict, targets, spec: DataSpec, *, false_alarm_cost: float = 1.0
) -> decision.DecisionRule:
    """The rule from validation rows, whose logits `predict()` returns.

    Args:
        predict: gives the logits.
        targets: class ids.
        spec: of the data; with a `positive` label, the threshold is calibrated.
        false_alarm_cost: cost of a false positive, where a missed positive costs 1.
    """
    return decision.fit_decision_rule(predict(), targets, spec.positive_id, false_alarm_cost)
