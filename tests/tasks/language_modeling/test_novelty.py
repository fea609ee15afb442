"""What is new in samples, counted by hand; outputs on disk."""

import numpy as np
import pytest

from pipelines.tasks.language_modeling.example import example_spec
from pipelines.tasks.language_modeling.metrics import Outputs, score
from pipelines.tasks.language_modeling.novelty import NAMES, Novelty

TRAIN = [np.arange(2, 12), np.array([5, 5, 5, 5])]
SAMPLES = [
    np.array([3, 4, 5, 6, 7]),  # stands in train
    np.array([11, 5, 5, 5, 5]),  # its first 4-gram crosses the border of two documents
    np.array([5, 5, 5, 5, 5]),
    np.array([2, 3]),
]


@pytest.fixture
def novelty() -> Novelty:
    return Novelty.of(SAMPLES, TRAIN)


def test_counts(novelty):
    by_name = dict(zip(NAMES, zip(novelty.counted.T, novelty.total.T, strict=True), strict=True))
    expected = {
        "distinct_2_percent": ([4, 2, 1, 1], [4, 4, 4, 1]),
        "novel_4grams_percent": ([0, 1, 0, 0], [2, 2, 2, 0]),
        "novel_5grams_percent": ([0, 1, 1, 0], [1, 1, 1, 0]),
        "novel_8grams_percent": ([0, 0, 0, 0], [0, 0, 0, 0]),
    }
    for name, (counted, total) in expected.items():
        assert [values.tolist() for values in by_name[name]] == [counted, total], name


def test_shares_are_of_all_ngrams(novelty):
    percent = novelty.percent(np.array([[1, 1, 1, 1], [0, 2, 0, 1]]))
    assert percent["distinct_2_percent"] == pytest.approx([100 * 8 / 13, 100 * 5 / 9])
    assert percent["novel_4grams_percent"] == pytest.approx([100 / 6, 50])
    assert np.isnan(percent["novel_8grams_percent"]).all()


def test_outputs_come_back_from_disk(novelty, tmp_path):
    by_token = [np.array([1.0, 0.5]), np.array([2.0])]
    outputs = Outputs(
        np.array([1.5, 2.0]), np.array([2, 1]), by_token=by_token, samples=SAMPLES, novelty=novelty
    )
    outputs.save(tmp_path / "saved")
    loaded = Outputs.load(tmp_path / "saved")
    assert [values.tolist() for values in loaded.by_token] == [[1.0, 0.5], [2.0]]
    assert [ids.tolist() for ids in loaded.samples] == [ids.tolist() for ids in SAMPLES]
    spec, weights = example_spec(), np.ones((3, 2))
    values, expected = (score(each, {}, spec, weights) for each in (loaded, outputs))
    assert set(values) == {"perplexity", "nats_per_token", *NAMES}
    assert all(np.array_equal(values[name], expected[name], equal_nan=True) for name in values)
    assert values["novel_4grams_percent"].shape == (3,)


def test_outputs_without_tokens_and_samples(tmp_path):
    Outputs(np.array([1.5]), np.array([2])).save(tmp_path / "saved")
    loaded = Outputs.load(tmp_path / "saved")
    assert (len(loaded.by_token), loaded.novelty) == (0, None)
