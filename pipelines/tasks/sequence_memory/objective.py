"""Loss of a model of sequences: squared error of a number, or cross-entropy of classes."""

import keras

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.sequence_memory.answers import kind_of, recalled_steps
from pipelines.training.losses import SmoothedCrossentropy
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")


@keras.saving.register_keras_serializable("pipelines")
class DigitRecall(keras.metrics.SparseCategoricalAccuracy):
    """Share of the last `steps` positions whose class is right; of (B, T) and (B, T, k)."""

    def __init__(self, steps: int, name="digit_recall", **kwargs):
        super().__init__(name=name, **kwargs)
        self.steps = steps

    def update_state(self, y_true, y_pred, sample_weight=None):
        recalled = slice(-self.steps, None)
        return super().update_state(y_true[:, recalled], y_pred[:, recalled], sample_weight)

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}


def loss(spec: DataSpec):
    """Squared error, or nats; of symbols the mean over all steps."""
    if kind_of(spec) == "number":
        return keras.losses.MeanSquaredError()
    return SmoothedCrossentropy()


def metrics(spec: DataSpec) -> list:
    kind = kind_of(spec)
    if kind == "symbols":
        return [DigitRecall(recalled_steps(spec))]
    return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")] if kind == "class" else []


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """None: the answer is the number, or the class of the largest logit."""
    return DecisionRule()
