"""The contract of a task, as Protocols: what each of its modules must have.

A task's modules are modules, not classes; a Protocol here describes the functions of one. The
types of this file are read by people, type checkers and tests/tasks/test_contract.py. No stage
imports it, so an edit here runs nothing again.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from models.classical import Estimator
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.monitor import Monitor

Columns = Mapping[str, Any]  # arrays of a split by name: numpy arrays, or lists of texts or bytes
Metrics = dict[str, np.ndarray]  # metric -> (1 + resamples,) values; the first is the point

# Kinds of inputs and outputs in signature.json. The server's page renders a value by its kind.
KINDS = {
    "text": "a string, or a string a row of something else",
    "image": "an encoded JPEG or PNG file",
    "video": "an animated GIF file",
    "audio": "an encoded audio file",
    "series": "numbers in time: (steps, columns)",
    "covariates": "of a series, known ahead: (steps of history and horizon, columns)",
    "values": "a number for each column",
    "alarm": "whether the last step of a series is one",
    "number": "a number of the request or of the answer",
    "ids": "token ids",
    "label": "the name of a class",
    "labels": "the name of a class at each position",
    "probability": "of the predicted class",
    "probabilities": "of all classes, in the order of the labels",
    "quantiles": "of a series: (steps, columns, levels)",
    "mask": "a class id for each pixel: numbers, or a PNG file with a palette",
    "pixels": "of an image: intensities, 0 to 1, (height, width, channels)",
    "code": "numbers that represent a row",
    "shares": "of the pixels of an image, of all classes, in the order of the labels",
    "pixel_probabilities": "of all classes, for each pixel: (height, width, classes)",
    "ranking": "strings, the best first",
    "score": "a number that ranks answers; higher is better",
}


class Outputs(Protocol):
    """What a model or a baseline predicts for the rows of a split."""

    selection: str  # the settings that validation selected for a baseline, for people

    def save(self, folder: Path) -> None:
        """Writes the arrays, whose first axis is the row, into a new folder."""
        ...

    @classmethod
    def load(cls, folder: Path) -> "Outputs": ...


class Objective(Protocol):
    """objective.py, read by `train` (and, as source, by the check of params.yaml).

    `loss` and `fit_decision_rule` take keyword-only arguments from the experiment's block.
    Optional members:

        FEED                "shuffled" (default) or another one of training/batches.py
        sample_batch(columns, spec, rows, rng) -> (inputs, targets)      for "sampled"
        fit_closed_form(model, train, val, spec)    weights that are computed before training
    """

    MONITOR: Monitor

    def loss(self, spec: DataSpec) -> Any: ...

    def metrics(self, spec: DataSpec) -> list: ...

    def fit_decision_rule(self, predict, targets: np.ndarray, spec: DataSpec) -> DecisionRule:
        """`predict()` gives the model's outputs on val, whose targets these are."""
        ...


class Score(Protocol):
    """score.py, read by `evaluate`.

    Optional beside it: `generate(model, train, spec)`, more arguments of the outputs, from what the
    model generates, where that is compared with train.

    `weights` is how rows are resampled for intervals. The unit of the bootstrap is the row, unless
    the task has a function of its own in which rows of one document, image or series are drawn
    together.
    """

    def predict(
        self, model, columns: Columns, spec: DataSpec, decision: DecisionRule, assets: Path
    ) -> Outputs: ...

    def weights(
        self, rows: int, resamples: int = 1000, *, seed: int | Sequence[int], spec: DataSpec
    ) -> np.ndarray:
        """(1 + resamples, rows) row weights; the first row is all ones."""
        ...

    def score(
        self, outputs: Outputs, test: Columns, spec: DataSpec, weights: np.ndarray
    ) -> Metrics: ...


class Baselines(Protocol):
    """baselines.py, read by the stage that computes a data set's baselines."""

    def fit_predict(
        self, train: Columns, val: Columns, test: Columns, spec: DataSpec, seed: int,
        *, strong: Estimator,
    ) -> Iterator[tuple[str, Outputs]]:  # fmt: skip
        """(name, outputs on the test rows); names begin with "baseline_".

        `strong` is the fitted classical model that the block of baselines names; it is not given,
        and need not be accepted, where the block names none.
        """
        ...


class Figures(Protocol):
    """figures.py, read by `evaluate`."""

    def draw(
        self, outputs: Outputs, test: Columns, spec: DataSpec, decision: DecisionRule,
        folder: Path, model,
    ) -> None:  # fmt: skip
        """Optional beside it: `draw_estimator`, with the same parameters, for models without
        epochs, and `draw_comparison(outputs, baselines, test, spec, assets, folder)`, whose
        `baselines` are outputs by name."""
        ...


class Serve(Protocol):
    """serve.py, read by `export` and `verify`.

    Request inputs of the signature "serving_default" have the names in `spec.request_inputs`.
    Optional members:

        SCORED              the signature whose answers `outputs` takes, from the spec's request
                            inputs, and whose scores are compared with evaluate's; by default
                            "serving_default"
        examples(test, spec, rows)   requests to "serving_default" for golden.json, by name, where
                            these are not rows of the test split
        REQUIRES            libraries whose operations a graph of this task may have: they are
                            imported before it is loaded
        requires(spec)      those that the graph of this data has; by default all of REQUIRES
        units(spec)         units of inputs and outputs by name
        sizes(spec, assets) {input: its "max_bytes", "max_length" or "max_pixels"}, which the
                            server checks before it calls the model
        estimator_endpoints(estimator, spec, assets)    `endpoints` of a classical model, with the
                            same inputs and outputs
    """

    KINDS: Mapping[str, str]  # the kind of every input and output by name

    def endpoints(
        self, model, spec: DataSpec, assets: Path, decision: DecisionRule
    ) -> tuple[Any, dict[str, Any]]:
        """(module to save, {signature name: tf.function})."""
        ...

    def outputs(self, answer: Mapping[str, np.ndarray], spec: DataSpec) -> Outputs:
        """What "serving_default" answered, in the form that `score` takes."""
        ...

    # `weights` and `score` are those of score.py, without its imports.
    weights = Score.weights
    score = Score.score


class Example(Protocol):
    """example.py, read by tests: a tiny data set in memory."""

    def example_spec(self) -> DataSpec: ...

    def example_batch(
        self, spec: DataSpec, rows: int = 16, seed: int = 1
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """(inputs, targets) that fit the spec."""
        ...


MODULES: dict[str, type] = {
    "objective": Objective,
    "score": Score,
    "baselines": Baselines,
    "figures": Figures,
    "serve": Serve,
    "example": Example,
}


def members(protocol: type) -> set[str]:
    """Names that a module must have to fulfil the Protocol."""
    return {name for name in (*vars(protocol), *protocol.__annotations__) if name[0] != "_"}
