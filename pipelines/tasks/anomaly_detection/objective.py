"""Loss of a detector's network, and the rule that turns its residuals into scores and alarms.

A network gives, for each step of a window, either the expected reading, (B, T, C) in physical
units (a forecaster, an autoencoder), or the log-odds that the step is one of an event, (B, T).
Which it is decides the loss: squared error of windows without events, or cross-entropy of labels.
"""

import keras
import numpy as np
from keras import ops

from pipelines.classical.anomaly.residuals import Whitening, threshold_of, usable
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule, sigmoid
from pipelines.spec import DataSpec
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")
LIMIT = 10.0  # spreads from the median, to which targets are clipped: one wild reading is no lesson


@keras.saving.register_keras_serializable("pipelines")
class DetectorLoss(keras.losses.Loss):
    """Mean squared error in spreads of train, or binary cross-entropy.

    Args:
        centre, scale: median and spread of each column in train.

    Call: y_true (B, T, C + 1), readings and the label of each; y_pred (B, T, C) or (B, T).
    """

    def __init__(self, centre, scale, name="detector_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.centre, self.scale = list(centre), list(scale)

    def call(self, y_true, y_pred):
        labels = y_true[..., -1]  # (B, T)
        if len(y_pred.shape) == 2:
            # log(1 + e^x) - y x, which is exact for large log-odds
            return ops.mean(ops.softplus(y_pred) - labels * y_pred, axis=-1)
        centre, scale = (ops.convert_to_tensor(v, y_pred.dtype) for v in (self.centre, self.scale))
        target = ops.clip((y_true[..., :-1] - centre) / scale, -LIMIT, LIMIT)
        error = ops.mean(ops.square(target - (y_pred - centre) / scale), axis=(1, 2))
        return error * (1 - ops.max(labels, axis=1))

    def get_config(self):
        return {**super().get_config(), "centre": self.centre, "scale": self.scale}


def loss(spec: DataSpec):
    return DetectorLoss(spec.task_metadata["centre"], spec.task_metadata["scale"])


def metrics(spec: DataSpec) -> list:
    return []


def fit_decision_rule(
    predict, targets, spec: DataSpec, *, false_alarms_per_1000: float = 1.0,
    smooth_steps: int = 1, margin: float = 1.0,
) -> DecisionRule:  # fmt: skip
    """Whitening of the residuals, and the threshold, from the windows of val without events.

    Args:
        predict: gives the model's outputs on val.
        targets: (n, T, C + 1) of val.
        spec: of the data set.
        false_alarms_per_1000: normal rows of val above the threshold.
        smooth_steps: a row's score is the mean over so many last steps of its window: less noise,
            later alarms.
        margin: times that quantile, where val is so short that high quantiles are not known.

    Raises:
        UserError: val has no window without an event; more steps than a window has.
    """
    steps = spec.inputs["history"].shape[0]
    if not 1 <= smooth_steps <= steps:
        raise UserError(
            "steps-out-of-range", f"must be 1 to {steps}, the option history_steps",
            key="decide.smooth_steps", value=smooth_steps,
        )  # fmt: skip
    targets = np.asarray(targets)
    facts = spec.task_metadata
    rows = usable(targets[..., :-1], targets[..., -1], facts["centre"], facts["scale"])
    if not rows.any():
        raise UserError(
            "normal-missing", "every window of val has an event, so no threshold can be found; "
            "give val more rows", key="split.val", value=0,
        )  # fmt: skip
    predicted = predict()
    if predicted.ndim == 2:
        score = sigmoid(predicted[rows, -smooth_steps:].astype(np.float64).mean(axis=1))
        return DecisionRule(options={
            "smooth_steps": smooth_steps, "threshold": threshold_of(score, false_alarms_per_1000)
        })  # fmt: skip
    residuals = targets[rows, :, :-1].astype(np.float64) - predicted[rows]
    whitening = Whitening.of(residuals[:, -1])
    score = whitening(residuals[:, -smooth_steps:]).mean(axis=1).sum(axis=1)
    return DecisionRule(options={
        "smooth_steps": smooth_steps,
        "threshold": threshold_of(score, false_alarms_per_1000, margin),
        "centre": whitening.centre.tolist(), "matrix": whitening.matrix.tolist(),
    })  # fmt: skip
