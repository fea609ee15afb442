"""A network's judgement of windows, in one graph: `evaluate` runs it and `export` saves it."""

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec


class Detector(tf.Module):
    """`history` (B, T, C) float32, oldest first, in physical units -> what is said of the last row.

    score, threshold (B,) and anomaly (B,) bool; from a network with expected values also expected
    and contribution (B, C). A window with NaN or infinity has the score NaN and is an alarm, as
    nothing says that it is normal; other windows of the batch are not touched.

    Args:
        model: a network, see objective.py.
        spec: of the data set.
        decision: what `fit_decision_rule` found.
    """

    def __init__(self, model, spec: DataSpec, decision: DecisionRule):
        super().__init__()
        self.model, options = model, decision.options
        self.steps, self.threshold = options["smooth_steps"], options["threshold"]
        self.centre, self.matrix = (
            np.array(options.get(name, ()), np.float32) for name in ("centre", "matrix")
        )
        shape = (None, *spec.inputs["history"].shape)
        signature = [tf.TensorSpec(shape, tf.float32, name="history")]
        self.judge = tf.function(self._judge, input_signature=signature)

    def _judge(self, history):
        steps, predicted = self.steps, self.model({"history": history}, training=False)
        if predicted.shape.rank == 2:  # (B, T) log-odds
            score = tf.sigmoid(tf.reduce_mean(predicted[:, -steps:], axis=1))
            return alarms(history, score, self.threshold)
        residual = history[:, -steps:] - predicted[:, -steps:] - self.centre
        columns = residual.shape[-1]
        shares = tf.square(tf.einsum("btc,cd->btd", residual, self.matrix)) / columns
        contribution = tf.reduce_mean(shares, axis=1)
        answer = alarms(history, tf.reduce_sum(contribution, axis=1), self.threshold)
        return answer | {"expected": predicted[:, -1], "contribution": contribution}


def alarms(history, score, threshold: float) -> dict[str, tf.Tensor]:
    """What is said of (B, T, C) windows by a score (B,) float32: score, threshold and anomaly."""
    known = tf.reduce_all(tf.math.is_finite(history), axis=(1, 2))
    score = tf.where(known, score, float("nan"))
    # Not as `not (score <= threshold)`: TensorFlow's graph optimizer takes that for `>`, and NaN is
    # not above anything.
    anomaly = (score > threshold) | tf.math.is_nan(score)
    return {
        "score": score, "anomaly": anomaly,
        "threshold": tf.fill(tf.shape(score), tf.constant(threshold, tf.float32)),
    }  # fmt: skip
