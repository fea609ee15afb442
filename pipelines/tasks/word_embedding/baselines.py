"""Baselines of word embedding: vectors at random, and nothing but frequency.

- random: vectors drawn from a normal distribution.
- frequency: words are the more similar the nearer their frequencies in train, and every analogy is
  answered with the most frequent word that is not in it.
- the strong one: the classical experiment of the data set, PPMI-SVD.
"""

from collections.abc import Iterator

import numpy as np

from pipelines.classical import word_vectors
from pipelines.evaluation import strong_baselines
from pipelines.spec import DataSpec
from pipelines.tasks.word_embedding.metrics import Outputs

DIMENSIONS = 100


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong=None
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    name = spec.target.name
    questions = test[name]
    vectors = np.random.default_rng(seed).normal(size=(spec.outputs, DIMENSIONS))
    yield "baseline_random", Outputs(**word_vectors.answers(vectors, questions))
    counts = np.bincount(np.concatenate(train[name]), minlength=spec.outputs)
    yield "baseline_frequency", by_frequency(counts, questions)
    if strong is not None:
        yield from strong_baselines.outputs_of(strong, test, spec, Outputs)
        yield "baseline_best", strong_baselines.predict(strong, test, spec, Outputs)


def by_frequency(counts: np.ndarray, questions) -> Outputs:
    """Answers by (V,) counts alone."""
    logs = np.log(counts + 1.0)
    similarity = np.array([-abs(logs[ids[0]] - logs[ids[1]]) for ids in questions], np.float32)
    by_count = word_vectors.FIRST_WORD + np.argsort(
        -counts[word_vectors.FIRST_WORD :], kind="stable"
    )
    frequent = by_count[:4].tolist()  # one of them is not among three
    correct = np.array([
        len(ids) == 4 and ids[3] == next(word for word in frequent if word not in ids[:3])
        for ids in questions
    ])  # fmt: skip
    return Outputs(similarity, correct, correct)
