"""Baselines of the classification of signals.

- majority: the most frequent class of train.
- length: the class of the train recording whose length is nearest, which says nothing of the
  signal: where it is good, the classes differ by how they were recorded.
- band_forest, minirocket: the candidates of the experiment that the block names, see
  models/classical/signal_classifiers.py. best: what that experiment says.
"""

from collections.abc import Iterator

import numpy as np

from models.classical import Estimator
from pipelines.evaluation import strong_baselines
from pipelines.evaluation.classifier import Outputs, majority
from pipelines.spec import DataSpec

NEIGHBOURS = 9


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    targets = np.asarray(train[spec.target.name])
    yield "baseline_majority", majority(targets, len(test[spec.target.name]), spec.outputs)
    yield "baseline_length", by_length(train, test, spec)
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)
    yield "baseline_best", strong_baselines.predict(strong, test, spec, Outputs)


def by_length(train: dict, test: dict, spec: DataSpec) -> Outputs:
    """Class shares among the train recordings of the most similar lengths."""
    lengths, first = recording_lengths(train)
    labels = np.asarray(train[spec.target.name])[first]
    asked, _ = recording_lengths(test)
    nearest = np.argsort(np.abs(asked[:, None] - lengths), axis=1, kind="stable")[:, :NEIGHBOURS]
    shares = (labels[nearest][..., None] == np.arange(spec.outputs)).mean(axis=1)
    shares = 0.9 * shares + 0.1 / spec.outputs  # no class is impossible
    rows = np.unique(np.asarray(test["recording"]), return_inverse=True)[1]
    probabilities = shares[rows].astype(np.float32)
    return Outputs(
        probabilities, probabilities.argmax(axis=1).astype(np.int32), f"{NEIGHBOURS} neighbours"
    )


def recording_lengths(columns: dict) -> tuple[np.ndarray, np.ndarray]:
    """(steps, first row) of every recording: to its last window, whose zeros at the end count
    not."""
    recording = np.asarray(columns["recording"])
    _, first, counts = np.unique(recording, return_index=True, return_counts=True)
    last = np.asarray(columns["signal"])[first + counts - 1]
    steps = last.shape[1]
    used = steps - np.argmax((last != 0).any(axis=2)[:, ::-1], axis=1)
    return (counts - 1) * steps + used, first
