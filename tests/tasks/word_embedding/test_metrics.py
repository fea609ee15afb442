"""Scores of answers, by hand and beside SciPy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from pipelines.tasks.word_embedding import baselines, metrics
from pipelines.tasks.word_embedding.example import example_spec

BENCHMARKS = list(example_spec().task_metadata["benchmarks"])


def test_spearman_is_that_of_rows_that_are_repeated():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=40), rng.integers(0, 6, 40)  # ratings have ties
    weights = rng.integers(0, 4, (20, 40)).astype(np.uint8)
    values = metrics.spearman(x, y, weights)
    for value, row in zip(values, weights, strict=True):
        expected = spearmanr(np.repeat(x, row), np.repeat(y, row)).statistic
        assert value == pytest.approx(expected)


def test_a_constant_has_no_rank_correlation():
    assert np.isnan(metrics.spearman(np.ones(4), np.arange(4.0), np.ones((1, 4)))).all()


def questions() -> dict:
    return {
        "benchmark": np.array([0, 0, 0, 1, 1, 2, 2, 3]),
        "rating": np.array([1, 2, 3, 5, 4, 0, 0, 0.0]),
    }


def outputs() -> metrics.Outputs:
    similarity = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0, 0, 0], np.float32)
    add = np.array([0, 0, 0, 0, 0, 1, 0, 1], bool)
    return metrics.Outputs(similarity, add, ~add)


def test_every_benchmark_has_its_score():
    scores = metrics.score(outputs(), questions(), example_spec(), np.ones((1, 8)))
    assert {name: float(value[0]) for name, value in scores.items()} == pytest.approx({
        "wordsim353_spearman": 1, "simlex999_spearman": -1,
        "semantic_add_accuracy": 0.5, "semantic_mul_accuracy": 0.5,
        "syntactic_add_accuracy": 1, "syntactic_mul_accuracy": 0,
        **{f"{name}_covered": 0.5 for name in BENCHMARKS},
    })  # fmt: skip


def test_a_resample_without_questions_is_undefined():
    weights = np.ones((2, 8), np.uint8)
    weights[1, 5:7] = 0
    values = metrics.score(outputs(), questions(), example_spec(), weights)["semantic_add_accuracy"]
    assert values[0] == 0.5 and np.isnan(values[1])


def test_outputs_are_stored_whole(tmp_path):
    outputs().save(tmp_path / "outputs")
    loaded = metrics.Outputs.load(tmp_path / "outputs")
    for name in ("similarity", "add", "mul"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(outputs(), name))


def test_frequency_answers_with_the_most_frequent_word_that_is_not_asked():
    counts = np.array([0, 9, 5, 7, 6, 1, 1])
    answers = baselines.by_frequency(counts, [np.array([3, 5, 6, 4]), np.array([2, 4, 5, 6]),
                                              np.array([2, 4])])  # fmt: skip
    assert answers.add.tolist() == [True, False, False]
    assert answers.similarity[2] == pytest.approx(np.log(6 / 7))
