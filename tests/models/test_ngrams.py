"""N-grams in buckets, NB-SVM in a layer, and the vote."""

import numpy as np
import pytest
from scipy import sparse

import models
from models.layers import NgramSVM, Vote
from models.layers.ngrams import in_buckets
from pipelines.classical.nb_svm import NaiveBayesSVM, log_odds
from pipelines.config.errors import UserError
from pipelines.tasks.text_classification import objective
from tests.support.model_checks import text_spec

MANY = 1 << 20
BUILD = {
    "builder": "ngram_classifier",
    "buckets": 4096,
    "embedding_width": 4,
}


def buckets(*ids: int, longest: int = 1, size: int = MANY) -> list[int]:
    found = np.array(in_buckets(np.array([ids], np.int32), longest, size))[0]
    assert ((found >= 0) & (found < size)).all()
    return [bucket for bucket in found.tolist() if bucket]


def layer(**changes) -> NgramSVM:
    return NgramSVM(**{"outputs": 2, "longest": 1, "buckets": MANY, "penalty": 1.0, **changes})


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


def test_what_is_present_is_the_same_however_many_rows_are_looked_at(monkeypatch):
    ids = np.random.default_rng(1).integers(0, 9, (7, 5)).astype(np.int32)
    whole = layer(longest=2).present(ids)
    monkeypatch.setattr("models.layers.ngrams.ROWS", 3)
    np.testing.assert_array_equal(whole, layer(longest=2).present(ids))
    rows, found = whole
    for row, own in enumerate(ids):
        assert sorted(found[rows == row]) == sorted(buckets(*own, longest=2))


def texts_of(classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids of six words, of which every class has two of its own and all have three in common."""
    rng = np.random.default_rng(1)
    targets = np.arange(rows) % classes
    own = 5 + 2 * targets[:, None] + rng.integers(0, 2, (rows, 1))
    wrong = rng.random((rows, 1)) < 0.1
    own = np.where(wrong, 5 + rng.integers(0, 2 * classes, (rows, 1)), own)
    ids = np.concatenate([own, rng.integers(2, 5, (rows, 5))], axis=1)
    return ids.astype(np.int32), targets


@pytest.mark.parametrize("classes", [2, 3])
def test_a_solved_layer_gives_the_log_odds_of_nb_svm(classes):
    ids, targets = texts_of(classes, 60)
    solved = layer(outputs=classes)
    solved(ids)
    solved.set_weights(objective.svm_weights(solved, ids, targets))
    there = np.zeros((60, 20))
    there[np.arange(60)[:, None], ids] = 1
    there = there[:, there.any(axis=0)]
    odds = []
    for label in range(classes):
        machine = NaiveBayesSVM(1.0, interpolation=1.0, random_state=0)
        weights, bias = log_odds(sparse.csr_matrix(there), targets == label, machine)
        odds.append(there @ weights + bias)
    found = np.array(solved(ids))
    expected = np.stack([-odds[1] / 2, odds[1] / 2] if classes == 2 else odds, axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert (found.argmax(axis=1) == targets).mean() > 0.85


def test_log_odds_are_as_sure_as_they_are_right():
    """A tenth of the texts have another class's word, which Platt's scale must have noticed."""
    ids, targets = texts_of(2, 1000)
    solved = layer()
    solved(ids)
    solved.set_weights(objective.svm_weights(solved, ids, targets))
    odds = np.array(solved(ids))
    sure = 1 / (1 + np.exp(-np.abs(odds[:, 1] - odds[:, 0])))
    assert abs(sure.mean() - (odds.argmax(axis=1) == targets).mean()) < 0.02


def test_with_one_row_of_a_class_no_ngram_weighs():
    weights, bias = log_odds(sparse.eye(4, format="csr"), np.arange(4) == 2, NaiveBayesSVM())
    assert not weights.any() and bias == pytest.approx(np.log(2 / 4))


@pytest.mark.parametrize("wrong", [{"outputs": 0}, {"longest": 0}, {"buckets": 1}, {"penalty": 0}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="found"):
        layer(**wrong)


def test_a_vote_is_the_mean_of_log_probabilities_and_in_training_the_first_one():
    sure, even = (np.array(each, np.float32) for each in (np.log([[0.9, 0.1]]), [[0, 0]]))
    found = np.array(Vote()([sure, even]))
    np.testing.assert_allclose(found, (sure + np.log(0.5)) / 2, rtol=1e-5)
    np.testing.assert_allclose(np.array(Vote()([sure, even], training=True)), sure, rtol=1e-5)


def test_training_solves_first_each_input_by_itself():
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
    objective.fit_closed_form(model, train, {}, spec)
    for name in spec.inputs:
        voter = model.get_layer(f"{name}_ngrams")
        assert (np.array(voter(train[name])).argmax(axis=1) == targets).all()


def test_each_field_has_ngrams_of_its_own_length():
    spec = text_spec(words=(5, 12), characters=(6, 9))
    model = models.build(spec, "ngrams", **BUILD, longest={"words": 2, "characters": 3})
    assert [model.get_layer(f"{name}_ngrams").longest for name in spec.inputs] == [2, 3]
    with pytest.raises(UserError, match="longest is for words, the data set has words, characters"):
        models.build(spec, "ngrams", **BUILD, longest={"words": 2})


def test_a_model_without_machines_is_left_alone():
    model = models.build(text_spec(words=(5, 12)), "text_cnn", "text_cnn")
    before = model.get_weights()
    objective.fit_closed_form(model, {}, {}, text_spec(words=(5, 12)))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
