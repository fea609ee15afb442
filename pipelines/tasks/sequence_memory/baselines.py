"""Baselines of sequence memory: an answer that ignores the sequence, and a linear model of it.

- constant: the mean of train; or the frequencies of its classes, at each step where there is one. A
  model that remembers nothing can do no better: a squared error of 1/6 in the adding problem,
  10 ln 8 / (T + 20) nats in the copy memory task, the majority class of digits.
- linear: the classical experiment of the data set, see `models.classical.linear_sequence`.
"""

from collections.abc import Iterator

import numpy as np

from pipelines.evaluation import strong_baselines
from pipelines.spec import DataSpec
from pipelines.tasks.sequence_memory.answers import kind_of
from pipelines.tasks.sequence_memory.metrics import Outputs


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong=None
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time. seed: nothing is random."""
    targets, rows = np.asarray(train[spec.target.name]), len(test[spec.target.name])
    yield "baseline_constant", Outputs(np.repeat(constant(targets, spec)[None], rows, axis=0))
    if strong is not None:
        yield from strong_baselines.outputs_of(strong, test, spec, Outputs)


def constant(targets: np.ndarray, spec: DataSpec) -> np.ndarray:
    """The answer to every sequence: (), (k,) or (T, k) float32."""
    if kind_of(spec) == "number":
        return targets.mean(dtype=np.float64).astype(np.float32)
    shares = [(targets == number).mean(axis=0) for number in range(spec.outputs)]
    return np.stack(shares, axis=-1).astype(np.float32)
