"""The served graph of a classical detector: `models.classical.detectors` in TensorFlow.

Computed in double precision, as in numpy, and answered in float32. Shapes: B windows, T readings,
C columns, L readings that a method looks at.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.classical.anomaly import methods
from pipelines.classical.anomaly.methods import MIN_RELATIVE_STD
from pipelines.spec import DataSpec
from pipelines.tasks.anomaly_detection.detector import alarms


class ClassicalDetector(tf.Module):
    """The served graph and what it needs; inputs and outputs as of `detector.Detector`."""

    def __init__(self, component, spec: DataSpec):
        super().__init__()
        self.method = COUNTERPARTS[type(component.method)](component.method)
        self.steps, self.threshold = component.smooth_steps, component.threshold
        shape = (None, *spec.inputs["history"].shape)
        signature = [tf.TensorSpec(shape, tf.float32, name="history")]
        self.judge = tf.function(self._judge, input_signature=signature)

    def _judge(self, history):
        values = tf.cast(history, tf.float64)
        length = history.shape[1] - self.steps + 1
        judged = [self.method(values[:, step : step + length]) for step in range(self.steps)]
        contribution = tf.reduce_mean(tf.stack([shares for _, shares in judged]), axis=0)  # (B, C)
        score = tf.cast(tf.reduce_sum(contribution, axis=1), tf.float32)
        return alarms(history, score, self.threshold) | {
            "expected": tf.cast(judged[-1][0], tf.float32),
            "contribution": tf.cast(contribution, tf.float32),
        }


class GraphWhitening(tf.Module):
    """`residuals.Whitening` in the graph."""

    def __init__(self, whitening):
        super().__init__()
        self.centre, self.matrix = _variable(whitening.centre), _variable(whitening.matrix)
        self.columns = len(whitening.matrix)

    def __call__(self, residual):
        return tf.square((residual - self.centre) @ self.matrix) / self.columns


class GraphExpectation(tf.Module):
    """`methods.Expectation` in the graph: (B, T, C) -> (expected, contribution), as of all here."""

    def __init__(self, method: methods.Expectation):
        super().__init__()
        self.name_of_rule, self.season = method.name, method.season
        self.whitening = GraphWhitening(method.whitening)

    def __call__(self, history):
        expected = history[:, -2] if self.name_of_rule == "difference" else self._median(history)
        return expected, self.whitening(history[:, -1] - expected)

    def _median(self, history):
        ordered = tf.sort(history[:, -1 - self.season :: -self.season], axis=1)
        count = ordered.shape[1]
        return (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2


class GraphWindowedGaussian(tf.Module):
    """`methods.WindowedGaussian` in the graph."""

    def __init__(self, method: methods.WindowedGaussian):
        super().__init__()
        self.scale, self.columns = _variable(method.scale), len(method.scale)

    def __call__(self, history):
        before = history[:, :-1]
        expected = tf.reduce_mean(before, axis=1)
        deviation = tf.sqrt(tf.reduce_mean(tf.square(before - expected[:, None]), axis=1))
        deviation = tf.maximum(deviation, MIN_RELATIVE_STD * self.scale)
        return expected, tf.square((history[:, -1] - expected) / deviation) / self.columns


class GraphAutoregression(tf.Module):
    """`methods.Autoregression` in the graph."""

    def __init__(self, method: methods.Autoregression):
        super().__init__()
        self.weights, self.whitening = _variable(method.weights), GraphWhitening(method.whitening)
        self.inputs, self.columns = len(method.weights) - 1, method.weights.shape[1]

    def __call__(self, history):
        lags = self.inputs // self.columns
        before = tf.reshape(history[:, -1 - lags : -1], (-1, self.inputs))
        expected = before @ self.weights[1:] + self.weights[0]
        return expected, self.whitening(history[:, -1] - expected)


class GraphPrincipalComponents(tf.Module):
    """`methods.PrincipalComponents` in the graph."""

    def __init__(self, method: methods.PrincipalComponents):
        super().__init__()
        self.mean, self.spread = _variable(method.mean), _variable(method.spread)
        self.expectation, self.root = _variable(method.expectation), _variable(method.root)
        self.inputs, self.columns = method.expectation.shape

    def __call__(self, history):
        flat = tf.reshape(history[:, -(self.inputs // self.columns) :], (-1, self.inputs))
        z = (flat - self.mean) / self.spread
        last = slice(self.inputs - self.columns, None)
        expected = z @ self.expectation * self.spread[last] + self.mean[last]
        shares = tf.reshape(
            tf.square(z @ self.root), (-1, self.inputs // self.columns, self.columns)
        )
        return expected, tf.reduce_sum(shares, axis=1)


COUNTERPARTS = {
    methods.Expectation: GraphExpectation,
    methods.WindowedGaussian: GraphWindowedGaussian,
    methods.Autoregression: GraphAutoregression,
    methods.PrincipalComponents: GraphPrincipalComponents,
}


def _variable(values: np.ndarray) -> tf.Variable:
    """In the checkpoint of the SavedModel: constants of a graph may have 2 GB in all."""
    return tf.Variable(np.asarray(values, np.float64), trainable=False)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = ClassicalDetector(estimator.best, spec)
    return module, {"serving_default": module.judge}
