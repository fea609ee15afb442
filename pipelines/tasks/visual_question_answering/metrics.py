"""Metrics of answers, of all of them and by kind; intervals are by image.

    accuracy, log_loss      as of any classifier; an answer that train does not have is always wrong
    accuracy_yes_no, accuracy_number, accuracy_other    of questions whose true answer is yes or no,
                            digits, or something else (the kinds of Antol et al. 2015)
    consistency             share of the images of which all questions are answered rightly
    unknown_answers         share of the questions whose answer train does not have

The questions of an image are drawn together in the bootstrap, since they are right or wrong
together.
"""

from dataclasses import replace

import numpy as np

from pipelines.evaluation import bootstrap, classification
from pipelines.evaluation.classifier import Outputs
from pipelines.preparation.visual_questions import RESAMPLED, normalized
from pipelines.spec import DataSpec

KINDS = ("yes_no", "number", "other")


def weights(rows: int, resamples: int = 1000, *, seed, spec: DataSpec) -> np.ndarray:
    """(1 + resamples, rows): the questions of an image are drawn together."""
    return bootstrap.weights_of_units(spec.task_metadata[RESAMPLED], resamples, seed=seed)


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting, (b,) each; without the kinds that test does not have."""
    targets = np.asarray(test[spec.target.name])
    outputs = with_unknown_answer(outputs, spec)
    measured = classification.scores(outputs.probabilities, outputs.predicted, targets, weights)
    values = {name: measured[name] for name in ("accuracy", "log_loss")}
    kinds = np.array([kind(answer) for answer in test["answer"]])
    right = outputs.predicted == targets
    for name in KINDS:
        if (kinds == name).any():
            values[f"accuracy_{name}"] = bootstrap.weighted_mean(right, weights * (kinds == name))
    values["consistency"] = _consistency(right, spec.task_metadata[RESAMPLED], weights)
    if (targets == spec.outputs).any():
        values["unknown_answers"] = bootstrap.weighted_mean(targets == spec.outputs, weights)
    return values


def with_unknown_answer(outputs: Outputs, spec: DataSpec) -> Outputs:
    """With one more class, of probability 0: that of all answers that train does not have."""
    zeros = np.zeros((len(outputs.predicted), 1), np.asarray(outputs.probabilities).dtype)
    return replace(outputs, probabilities=np.concatenate([outputs.probabilities, zeros], axis=1))


def kind(answer: str) -> str:
    """Which of KINDS an answer is."""
    answer = normalized(answer)
    if answer in ("yes", "no"):
        return "yes_no"
    return "number" if answer.isdecimal() else "other"


def _consistency(right: np.ndarray, counts: list[int], weights: np.ndarray) -> np.ndarray:
    starts = np.cumsum([0, *counts[:-1]])
    whole = np.minimum.reduceat(right, starts)  # (images,)
    return bootstrap.weighted_mean(whole, weights[:, starts])
