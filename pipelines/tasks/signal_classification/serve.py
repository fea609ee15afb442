"""The served classifier: a signal, or a WAV file, in; label, probability and probabilities out.

Signatures (b rows):

    serving_default  of measurements: signal (b, T, C), windows of the length of train
                     of sounds: wav_bytes, files of any length. The answer of a file is the mean of
                     the probabilities of its windows
    windows          of sounds: signal (b, T, 1) float32 at the sampling rate of train
"""

from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf

from pipelines.evaluation.tf_classifier import ANSWER_KINDS, Answer, outputs
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import signal_windows
from pipelines.preprocessing.signal_windows import Windows
from pipelines.spec import DataSpec
from pipelines.tasks.signal_classification.graph_wav import INPUT, GraphWavReader
from pipelines.tasks.signal_classification.metrics import score, weights
from pipelines.tasks.signal_classification.serve_classical import classical_model

__all__ = [
    "KINDS", "endpoints", "estimator_endpoints", "examples", "outputs", "score", "sizes", "units",
    "weights",
]  # fmt: skip

KINDS = {INPUT: "audio", "signal": "series", **ANSWER_KINDS}
MAX_BYTES = 1 << 26  # an hour of 16 bits at 8 kHz
CHUNK = 256  # windows at a time


class WindowModel(Protocol):
    """What is needed of a model."""

    def __call__(self, signal: tf.Tensor) -> tf.Tensor:
        """(B, T, C) float32 -> (B, classes) float64 probabilities."""
        ...


class NetworkModel(tf.Module):
    """A network and its decision rule as a `WindowModel`."""

    def __init__(self, model, spec: DataSpec, decision: DecisionRule):
        super().__init__()
        (self.input,) = spec.inputs
        self.model, self.answer = model, Answer(spec, decision)

    def __call__(self, signal):
        return self.answer.probabilities(self.model({self.input: signal}, training=False))


class SignalClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model: WindowModel, spec: DataSpec, windows: Windows):
        super().__init__()
        self.model, self.answer = model, Answer(spec, DecisionRule())
        self.reader, (field,) = GraphWavReader(windows), spec.inputs.values()
        self.classes = spec.outputs
        signature = [tf.TensorSpec((None, *field.shape), tf.float32, name="signal")]
        self.classify = tf.function(self._classify, input_signature=signature)

    def _classify(self, signal):
        return self.answer.of_probabilities(self.model(signal))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=INPUT)])
    def classify_files(self, wav_bytes):
        windows, file = self.reader(wav_bytes)
        starts = tf.range(0, tf.shape(windows)[0], CHUNK)
        parts = tf.map_fn(
            lambda start: self.model(windows[start : start + CHUNK]), starts,
            parallel_iterations=1,
            fn_output_signature=tf.RaggedTensorSpec(
                [None, self.classes], tf.float64, ragged_rank=0
            ),
        )  # fmt: skip
        means = tf.math.segment_mean(parts.values, file)
        return self.answer.of_probabilities(tf.ensure_shape(means, (None, self.classes)))


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    return _endpoints(NetworkModel(model, spec, decision), spec, assets)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """The same of a classical model."""
    return _endpoints(classical_model(estimator), spec, assets)


def _endpoints(model: WindowModel, spec: DataSpec, assets: Path):
    windows = Windows.load(assets / signal_windows.FILE)
    module = SignalClassifier(model, spec, windows)
    if spec.request_inputs == (INPUT,):
        return module, {"serving_default": module.classify_files, "windows": module.classify}
    return module, {"serving_default": module.classify}


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A larger file is refused."""
    return {INPUT: {"max_bytes": MAX_BYTES}}


def units(spec: DataSpec) -> dict[str, str]:
    """Of the signal; of several columns all distinct units: "m/s2, rad/s"."""
    return {"signal": spec.inputs["signal"].unit}


def examples(test: dict, spec: DataSpec, rows: int) -> dict[str, np.ndarray | list]:
    """For golden.json: rows of as many classes as there are."""
    targets = np.asarray(test[spec.target.name])
    of_class = [np.flatnonzero(targets == number) for number in np.unique(targets)]
    turns = max(map(len, of_class))
    order = [int(rows_of[turn]) for turn in range(turns) for rows_of in of_class
             if turn < len(rows_of)][:rows]  # fmt: skip
    (name,) = spec.request_inputs
    column = test[name]
    if isinstance(column, np.ndarray):
        return {name: np.asarray(column)[order]}
    return {name: [column[row] for row in order]}
