"""Baselines of visual question answering: answers without the image, or without the question.

    baseline_majority           the most frequent answer
    baseline_question_lookup    the most frequent answer of train to the same question; the majority
                                where train does not have it
    baseline_image_only         the most frequent answer to the questions about the nearest image
    baseline_question_only      a linear classifier of the question's words
    baseline_question_and_pixels    a linear classifier of words and pixels

The last two are of the experiment that the block of baselines names, `models.classical.linear_vqa`.
The gain over question_only is what the image is worth to a model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from models.classical import Estimator
from pipelines.classical import nearest_neighbours
from pipelines.evaluation import strong_baselines
from pipelines.evaluation.classifier import Outputs, majority
from pipelines.preparation.visual_questions import IMAGE, RAW_QUESTION, normalized
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec

SIDE = 16  # pixels of the images that are compared


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    targets, rows = np.asarray(train[spec.target.name]), len(test[spec.target.name])
    yield "baseline_majority", majority(targets, rows, spec.outputs)
    keys = [[normalized(text) for text in split[RAW_QUESTION]] for split in (train, test)]
    yield "baseline_question_lookup", shares_by_key(*keys, targets, spec.outputs)
    of_image = train[IMAGE].numbers
    near = nearest(train[IMAGE].values, test[IMAGE].values)[test[IMAGE].numbers]
    yield (
        "baseline_image_only",
        shares_by_key(of_image.tolist(), near.tolist(), targets, spec.outputs),
    )
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)


def shares_by_key(
    known: Sequence, asked: Sequence, targets: np.ndarray, classes: int
) -> Outputs:  # fmt: skip
    """For each key that is asked, the shares of the answers of train's rows with the same key.

    The shares of all answers count as one more row, so that no answer is impossible.

    Args:
        known: the key of each row of train.
        asked: the key of each row of test.
        targets: class ids of train's rows.
        classes: how many there are.
    """
    prior = np.bincount(targets, minlength=classes) / len(targets)
    counts: dict = defaultdict(Counter)
    for key, target in zip(known, targets.tolist(), strict=True):
        counts[key][target] += 1
    probabilities = np.tile(prior, (len(asked), 1))
    for row, key in enumerate(asked):
        for target, count in counts.get(key, {}).items():
            probabilities[row, target] += count
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return Outputs(probabilities, probabilities.argmax(axis=1).astype(np.int32))


def nearest(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """For each image asked the number of the known one that differs least, as small images.

    Args:
        known: (n, H, W, C) uint8.
        asked: (m, H, W, C) uint8.
    """
    return nearest_neighbours.nearest(_small(known), _small(asked))


def _small(images: np.ndarray) -> np.ndarray:
    """(n, SIDE * SIDE * C) float64 of whole numbers, whose sums are exact."""
    small = [image_decoding.resize(np.asarray(image), SIDE, SIDE) for image in images]
    return np.stack(small).reshape(len(images), -1).astype(np.float64)
