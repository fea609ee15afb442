"""The served model: a sequence in; a value, a label, or the symbols that were to be remembered out.

Signatures, of one input, `sequence` (B, T, C) float32 or (B, T) int32 ids:

    serving_default  value (B,) | label, probability (B,), probabilities (B, k) | digits (B, r)
    steps            for symbols: probabilities (B, T, k) at every step; else as serving_default
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.sequence_memory.answers import kind_of, recalled_steps
from pipelines.tasks.sequence_memory.metrics import Outputs, score, weights
from pipelines.tasks.sequence_memory.serve_classical import GraphLinear

__all__ = [
    "KINDS", "SCORED", "endpoints", "estimator_endpoints", "outputs", "score", "units", "weights"
]  # fmt: skip

SCORED = "steps"  # the signature whose answers are compared with evaluate's
KINDS = {
    "sequence": "series", "value": "number", "digits": "ids", "label": "label",
    "probability": "probability", "probabilities": "probabilities",
}  # fmt: skip


class SequenceAnswers(tf.Module):
    """The served graph and what it needs: saved together.

    Args:
        values: (B, T, C) or (B, T) -> numbers (B,), or probabilities (B, k) or (B, T, k), float32.
        spec: of the data set.
    """

    def __init__(self, values, spec: DataSpec):
        super().__init__()
        self.values, self.spec, self.kind = values, spec, kind_of(spec)
        ((name, field),) = spec.inputs.items()
        self.size = field.size
        signature = [tf.TensorSpec((None, *field.shape), field.dtype, name=name)]
        self.answer = tf.function(self._answer, input_signature=signature)
        self.steps = tf.function(self._steps, input_signature=signature)

    def _answer(self, sequence):
        answer = self._steps(sequence)
        if self.kind != "symbols":
            return answer
        recalled = answer["probabilities"][:, -recalled_steps(self.spec) :]
        return {"digits": tf.argmax(recalled, axis=2, output_type=tf.int32)}

    def _steps(self, sequence):
        values = self._checked(sequence)
        if self.kind == "number":
            return {"value": values}
        if self.kind == "symbols":
            return {"probabilities": values}
        predicted = tf.argmax(values, axis=1)
        return {
            "label": tf.gather(tf.constant(self.spec.labels), predicted),
            "probability": tf.reduce_max(values, axis=1),
            "probabilities": values,
        }

    def _checked(self, sequence):
        if self.size is None:
            return self.values(sequence)
        message = f"sequence: ids must be 0 to {self.size - 1}"
        known = tf.reduce_all((sequence >= 0) & (sequence < self.size))
        with tf.control_dependencies([tf.debugging.Assert(known, [message])]):
            return self.values(tf.identity(sequence))


class NetworkValues(tf.Module):
    """A network's outputs as numbers or probabilities."""

    def __init__(self, model, spec: DataSpec):
        super().__init__()
        self.model, self.is_number = model, kind_of(spec) == "number"
        (self.input,) = spec.inputs

    def __call__(self, sequence):
        outputs = self.model({self.input: sequence}, training=False)
        if self.is_number:
            return outputs[:, 0]
        return tf.cast(tf.nn.softmax(tf.cast(outputs, tf.float64)), tf.float32)


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    return _endpoints(NetworkValues(model, spec), spec)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function}) of a classical model."""
    return _endpoints(GraphLinear(estimator, spec), spec)


def _endpoints(values: tf.Module, spec: DataSpec):
    module = SequenceAnswers(values, spec)
    return module, {"serving_default": module.answer, SCORED: module.steps}


def units(spec: DataSpec) -> dict[str, str]:
    """Of inputs and outputs."""
    (field,) = spec.inputs.values()
    return {"sequence": field.unit, "value": spec.target.unit}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What `steps` answered, in the form that `score` takes."""
    return Outputs(answer["value" if kind_of(spec) == "number" else "probabilities"])
