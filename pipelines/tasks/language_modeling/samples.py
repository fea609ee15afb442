"""Texts that a language model draws by itself, from the beginning of a document."""

from collections.abc import Sequence

import numpy as np

from pipelines.preprocessing.tokenization import UNKNOWN
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling.novelty import Novelty

TOKENS = 128  # of a sample, at most
# The first ones are of the model's own distribution: their novelty is measured.
SCORED = 32
TEMPERATURES = np.array([1.0] * SCORED + [0.5, 0.8, 1.2])


def of_counts(estimator, train: dict, spec: DataSpec) -> dict:
    """Arguments of `Outputs`, of a model that counts n-grams."""
    end = spec.task_metadata["end"]
    texts = [
        estimator.sample(np.random.default_rng([1, row]), temperature, end, TOKENS, (UNKNOWN,))
        for row, temperature in enumerate(TEMPERATURES)
    ]
    return scored(texts, train, spec)


def scored(texts: Sequence[np.ndarray], train: dict, spec: DataSpec) -> dict:
    """Arguments of `Outputs`: texts in the order of TEMPERATURES, and the novelty of the first."""
    novelty = Novelty.of(texts[:SCORED], train[spec.target.name])
    return {"samples": texts, "novelty": novelty}
