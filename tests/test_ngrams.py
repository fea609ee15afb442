"""N-grams in buckets, naive Bayes by hand, and voters that learn apart."""

import numpy as np
import pytest
from model_checks import text_spec

import models
from models.layers import NaiveBayesNgrams, Vote
from models.layers.ngrams import in_buckets, log_count_ratios
from pipelines.checks import Refused
from pipelines.text_classification import objective

MANY = 1 << 20
BUILD = {
    "builder": "ngram_classifier",
    "buckets": 4096,
    "learned_buckets": 64,
    "embedding_width": 4,
}


def buckets(*ids: int, longest: int = 1, size: int = MANY) -> list[int]:
    found = np.array(in_buckets(np.array([ids], np.int32), longest, size))[0]
    assert ((found >= 0) & (found < size)).all()
    return [bucket for bucket in found.tolist() if bucket]


def layer(**changes) -> NaiveBayesNgrams:
    settings = {"outputs": 2, "longest": 1, "buckets": MANY, "learned_buckets": 64,
                "strength": 1.0, "dropout": 0.0}  # fmt: skip
    return NaiveBayesNgrams(**{**settings, **changes})


def test_each_ngram_has_a_bucket_and_padding_none():
    assert len(buckets(3, 4, 5)) == 3
    assert len(buckets(3, 4, 5, longest=2)) == 5
    assert len(buckets(3, 4, 5, longest=3)) == 6
    assert buckets(3, 4, 5, 0, 0, longest=3) == buckets(3, 4, 5, longest=3)
    assert buckets(0, 0, longest=2) == []
    assert buckets(3, longest=3) == buckets(3)


def test_a_repetition_counts_once():
    assert buckets(3, 3, 3) == buckets(3)
    assert len(buckets(3, 4, 3, 4, longest=2)) == 4  # 3, 4, "3 4", "4 3"


def test_order_matters_within_ngrams_alone():
    assert buckets(3, 4) == buckets(4, 3)
    assert buckets(3, 4, longest=2) != buckets(4, 3, longest=2)
    assert len({*buckets(3, longest=1), *buckets(3, 3, longest=2)}) == 2


def test_buckets_are_the_same_in_every_process_and_on_every_backend():
    """These very numbers: weights learned here are looked up by them elsewhere."""
    assert buckets(2, 3, 70_000, longest=2, size=1000) == [46, 204, 816, 848, 900]


def test_ngrams_are_spread_evenly():
    rng = np.random.default_rng(1)
    ids = rng.integers(2, 20_000, (1, 20_000)).astype(np.int32)
    found = np.array(in_buckets(ids, 2, MANY))
    ngrams = len(np.unique(ids)) + len({*zip(ids[0, :-1], ids[0, 1:], strict=True)})
    distinct = len(np.unique(found)) - 1
    expected = MANY * (1 - (1 - 1 / MANY) ** ngrams)  # balls thrown into boxes by chance
    assert abs(distinct - expected) < 0.01 * expected


def test_log_count_ratios_by_hand():
    """Bucket 0 is padding and 2 stands nowhere. Counts plus one: (3, 1) of 4 and (1, 2) of 3."""
    found = log_count_ratios(np.array([[7, 2, 0, 0], [9, 0, 0, 1]]))
    expected = [[0, np.log(3 / 4 * 3), 0, np.log(1 / 4 * 3 / 2)]]
    np.testing.assert_allclose(found, [expected[0], -np.array(expected[0])])


def test_a_counted_layer_is_naive_bayes():
    ids = np.array([[3, 4], [3, 0], [5, 3], [5, 5]], np.int32)
    counted = layer(strength=0.5)
    counted(ids)
    counted.count(ids, np.array([0, 0, 1, 1]))
    # Rows that have them, plus one: class 0 has 3, 4, 5 in (3, 2, 1) of 6, class 1 in (2, 1, 3).
    three, five = np.log(3 / 6 * 6 / 2), np.log(1 / 6 * 6 / 3)
    found = np.array(counted(np.array([[3, 5, 3], [9, 0, 0]], np.int32)))
    odds = 0.5 * (three + five)
    np.testing.assert_allclose(found, [[odds, -odds], [0, 0]], atol=1e-6)


def test_more_rows_than_are_counted_at_a_time(monkeypatch):
    rng = np.random.default_rng(1)
    ids, targets = rng.integers(0, 9, (7, 5)).astype(np.int32), np.array([0, 1, 1, 0, 1, 0, 1])
    whole, parts = layer(longest=2), layer(longest=2)
    whole(ids), parts(ids)
    whole.count(ids, targets)
    monkeypatch.setattr("models.layers.ngrams.ROWS", 3)
    parts.count(ids, targets)
    np.testing.assert_array_equal(np.array(whole.ratio), np.array(parts.ratio))


def test_dropout_leaves_out_ngrams_and_keeps_the_sum_on_average():
    ids = np.tile(np.arange(2, 402, dtype=np.int32), (200, 1))
    dropped = layer(dropout=0.5)
    dropped(ids)
    dropped.learned.assign(np.ones(dropped.learned.shape))
    found = np.array(dropped(ids, training=True))
    assert found.std() > 5
    assert abs(found.mean() - 400) < 5
    np.testing.assert_allclose(np.array(dropped(ids)), 400)


@pytest.mark.parametrize(
    "wrong",
    [{"outputs": 0}, {"longest": 0}, {"buckets": 1}, {"learned_buckets": 0}, {"dropout": 1}],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="found"):
        layer(**wrong)


def test_a_vote_is_the_mean_of_log_probabilities():
    sure, even = np.log([[0.9, 0.1]]), np.zeros((1, 2))
    found = np.array(Vote(1.0)([sure.astype("float32"), even.astype("float32")]))
    np.testing.assert_allclose(found, (sure + np.log(0.5)) / 2, rtol=1e-5)


@pytest.mark.parametrize("alone", [0.0, 0.3, 1.0])
def test_a_share_of_trains_rows_has_one_voter(alone):
    rows = 4000
    voters = [np.tile(np.log([[share, 1 - share]]), (rows, 1)) for share in (0.9, 0.2)]
    found = np.array(Vote(alone)([v.astype("float32") for v in voters], training=True))
    single = [np.isclose(found[:, 0], np.log(share)) for share in (0.9, 0.2)]
    for mine in single:
        assert abs(mine.mean() - alone / 2) < 0.04
    both = ~(single[0] | single[1])
    np.testing.assert_allclose(found[both, 0], np.log(0.9 * 0.2) / 2, rtol=1e-4)


@pytest.mark.parametrize("alone", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(alone):
    with pytest.raises(Refused, match=r"^models/ngrams.py: ngram_classifier: alone must lie in"):
        models.build(text_spec(words=(5, 12)), "ngrams", **BUILD, alone=alone)


def test_training_counts_first_each_input_by_itself():
    """Before the first step, the n-grams' voters are right of all that train tells apart."""
    spec = text_spec(words=(5, 12), characters=(6, 9))
    model = models.build(spec, "ngrams", **BUILD)
    rng = np.random.default_rng(1)
    targets = np.arange(60) % 3
    train = {
        "words": (2 + targets[:, None] + 3 * rng.integers(0, 3, (60, 5))).astype(np.int32),
        "characters": (2 + targets[:, None] + 3 * rng.integers(0, 2, (60, 6))).astype(np.int32),
        "label": targets.astype(np.int32),
    }
    objective.begin(model, train, {}, spec)
    for name in spec.inputs:
        voter = model.get_layer(f"{name}_ngrams")
        assert (np.array(voter(train[name])).argmax(axis=1) == targets).all()


def test_a_model_without_counts_is_left_alone():
    model = models.build(text_spec(words=(5, 12)), "text_cnn", "text_cnn")
    before = model.get_weights()
    objective.begin(model, {}, {}, text_spec(words=(5, 12)))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
