"""Metrics of windows, of whole recordings, and of the group that is served worst.

    accuracy, macro_f1, mcc, log_loss       of windows
    recording_accuracy, recording_macro_f1  of recordings, whose probabilities are the mean of those
                                            of their windows
    worst_group_accuracy                    of windows of the person, speaker or machine with the
                                            lowest one; where groups are known

Intervals are for the drawing of other recordings: all windows of one are drawn together, since they
are not independent. They say nothing of other people than those of test.
"""

import numpy as np

from pipelines.evaluation import bootstrap, classification
from pipelines.evaluation.classifier import Outputs
from pipelines.evaluation.classifier import score as score_of_rows
from pipelines.spec import DataSpec


def weights(rows: int, resamples: int = 1000, *, seed, spec: DataSpec) -> np.ndarray:
    """(1 + resamples, rows): the windows of a recording are drawn together.

    seed: a number, or [seed, repeat] of the repeat whose test rows these are.
    """
    counts = spec.task_metadata["windows"][0 if isinstance(seed, int) else seed[-1]]
    if sum(counts) != rows:
        raise ValueError(f"weights: {rows} rows, but the recordings have {sum(counts)} windows")
    return bootstrap.weights_of_units(counts, resamples, seed=seed)


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting, (b,) each."""
    values = score_of_rows(outputs, test, spec, weights)
    probabilities, predicted, first = of_recordings(outputs.probabilities, test["recording"])
    targets = np.asarray(test[spec.target.name])
    by_recording = classification.scores(
        probabilities, predicted, targets[first], weights[:, first]
    )
    values |= {f"recording_{name}": by_recording[name] for name in ("accuracy", "macro_f1")}
    group = np.asarray(test["group"])
    if (group >= 0).all():
        values["worst_group_accuracy"] = worst_group(outputs.predicted == targets, group, weights)
    return values


def of_recordings(
    probabilities: np.ndarray, recording: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(probabilities (r, k), class ids (r,), the first row (r,)) of the recordings."""
    _, first, counts = np.unique(recording, return_index=True, return_counts=True)
    sums = np.add.reduceat(np.asarray(probabilities, np.float64), first)
    means = sums / counts[:, None]
    return means, means.argmax(axis=1).astype(np.int32), first


def worst_group(correct: np.ndarray, group: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(b,) the lowest accuracy of a group, of those that are in the weighted rows."""
    member = (group[:, None] == np.unique(group)).astype(np.float64)  # (n, g)
    total = weights @ member
    hits = weights @ (member * correct[:, None])
    accuracy = np.divide(hits, total, out=np.full(total.shape, np.nan), where=total > 0)
    return np.nanmin(accuracy, axis=1)
