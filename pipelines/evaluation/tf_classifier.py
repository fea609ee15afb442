"""From logits or margins to an answer in TensorFlow, for the serve modules."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from pipelines.evaluation.classifier import Outputs
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec

if TYPE_CHECKING:
    from pipelines.classical.calibration import PlattCalibration
    from pipelines.classical.svm_decisions import OneVsRest

ANSWER_KINDS = {
    "label": "label",
    "probability": "probability",
    "probabilities": "probabilities",
}


class Answer(tf.Module):
    """(B, classes) logits -> label (B,), its probability (B,), probabilities (B, classes)."""

    def __init__(self, spec: DataSpec, decision: DecisionRule):
        super().__init__()
        self.decision = decision
        self.labels = tf.constant(spec.labels)

    def __call__(self, logits):
        return self.of_probabilities(self.probabilities(logits))

    def of_probabilities(self, probabilities):
        """The answer from (B, classes) float64."""
        return _answer(self.labels, probabilities, self._decide(probabilities))

    def probabilities(self, logits):
        """`DecisionRule.probabilities` in the graph."""
        logits, rule = tf.cast(logits, tf.float64), self.decision
        if rule.positive is None:
            return tf.nn.softmax(logits)
        odds = logits[:, rule.positive] - logits[:, 1 - rule.positive]
        positive = tf.sigmoid(rule.slope * odds + rule.intercept)
        pair = [1 - positive, positive] if rule.positive == 1 else [positive, 1 - positive]
        return tf.stack(pair, axis=1)

    def _decide(self, probabilities):
        """`DecisionRule.__call__` in the graph."""
        if self.decision.positive is None:
            return tf.argmax(probabilities, axis=1)
        positive = self.decision.positive
        is_positive = probabilities[:, positive] >= self.decision.least
        return tf.where(is_positive, positive, 1 - positive)


class MarginAnswer(tf.Module):
    """(B, 1) or (B, classes) margins, float64 -> the same answer: `PlattCalibration` in the graph.

    Its probabilities and classes are those of `PlattCalibration.answers`.
    """

    def __init__(self, spec: DataSpec, calibration: "PlattCalibration"):
        super().__init__()
        self.calibration, self.labels = calibration, tf.constant(spec.labels)

    def __call__(self, margins, predicted=None):
        """predicted: (B,) class ids, where they do not follow from the margins."""
        log_odds = margins * self.calibration.slopes + self.calibration.intercepts
        if len(self.calibration.slopes) == 1:
            probabilities = tf.concat([tf.sigmoid(-log_odds), tf.sigmoid(log_odds)], axis=1)
            of_margins = tf.cast(margins[:, 0] > 0, tf.int32)
        else:
            probabilities = tf.nn.softmax(log_odds)
            of_margins = tf.argmax(margins, axis=1, output_type=tf.int32)
        return _answer(self.labels, probabilities, of_margins if predicted is None else predicted)


class GraphOneVsRest(tf.Module):
    """`svm_decisions.OneVsRest` in the graph: (B, d) -> margins (B, k), class numbers (B,)."""

    def __init__(self, linear: "OneVsRest"):
        super().__init__()
        self.shift, self.intercepts = linear.shift, linear.intercepts
        self.weights = tf.Variable(linear.weights, trainable=False)

    def __call__(self, features):
        margins = (features - self.shift) @ self.weights + self.intercepts
        return margins, tf.argmax(margins, axis=1)


def _answer(labels, probabilities, predicted) -> dict:
    return {
        "label": tf.gather(labels, predicted),
        "probability": tf.cast(tf.gather(probabilities, predicted, batch_dims=1), tf.float32),
        "probabilities": tf.cast(probabilities, tf.float32),
    }


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """The endpoint's answers as the outputs that `score` takes."""
    ids = {label.encode(): number for number, label in enumerate(spec.labels)}
    predicted = np.array([ids[label] for label in answer["label"]], np.int32)
    return Outputs(answer["probabilities"], predicted)
