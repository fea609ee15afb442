"""Hashed n-grams, the NB-SVM layer, and the ensemble."""

import numpy as np
import pytest
from scipy import sparse

import models
from models.layers import LogProbEnsemble, NgramSVM
from models.layers.ngrams import hash_ngrams
from pipelines.classical.nb_svm import NaiveBayesSVM, log_odds
from pipelines.config.errors import UserError
from pipelines.tasks.text_classification import objective
from tests.support.model_checks import text_spec

MANY = 1 << 20
BUILD = {
    "builder": "ngram_classifier",
    "buckets": 4096,
    "embedding_dim": 4,
}


def buckets(*ids: int, max_ngram: int = 1, size: int = MANY) -> list[int]:
    """Distinct buckets of the n-grams of one text."""
    hashed = np.array(hash_ngrams(np.array([ids], np.int32), max_ngram, size))[0]
    assert ((hashed >= 0) & (hashed < size)).all()
    return [bucket for bucket in hashed.tolist() if bucket]


def layer(**changes) -> NgramSVM:
    return NgramSVM(**{"outputs": 2, "max_ngram": 1, "buckets": MANY, "penalty": 1.0, **changes})


def test_every_ngram_has_a_bucket_and_padding_has_none():
    assert len(buckets(3, 4, 5)) == 3
    assert len(buckets(3, 4, 5, max_ngram=2)) == 5
    assert len(buckets(3, 4, 5, max_ngram=3)) == 6
    assert buckets(3, 4, 5, 0, 0, max_ngram=3) == buckets(3, 4, 5, max_ngram=3)
    assert buckets(0, 0, max_ngram=2) == []
    assert buckets(3, max_ngram=3) == buckets(3)


def test_a_repetition_counts_once():
    assert buckets(3, 3, 3) == buckets(3)
    assert len(buckets(3, 4, 3, 4, max_ngram=2)) == 4  # 3, 4, "3 4", "4 3"


def test_order_matters_only_within_ngrams():
    assert buckets(3, 4) == buckets(4, 3)
    assert buckets(3, 4, max_ngram=2) != buckets(4, 3, max_ngram=2)
    assert len({*buckets(3, max_ngram=1), *buckets(3, 3, max_ngram=2)}) == 2


def test_buckets_are_the_same_in_every_process_and_on_every_backend():
    """The exact numbers: saved weights are looked up by them on other machines."""
    assert buckets(2, 3, 70_000, max_ngram=2, size=1000) == [46, 204, 816, 848, 900]


def test_ngrams_are_spread_evenly():
    rng = np.random.default_rng(1)
    ids = rng.integers(2, 20_000, (1, 20_000)).astype(np.int32)
    hashed = np.array(hash_ngrams(ids, 2, MANY))
    ngrams = len(np.unique(ids)) + len({*zip(ids[0, :-1], ids[0, 1:], strict=True)})
    distinct = len(np.unique(hashed)) - 1
    expected = MANY * (1 - (1 - 1 / MANY) ** ngrams)  # occupied buckets of a uniform hash
    assert abs(distinct - expected) < 0.01 * expected


def test_present_ngrams_do_not_depend_on_the_batch_size(monkeypatch):
    ids = np.random.default_rng(1).integers(0, 9, (7, 5)).astype(np.int32)
    one_batch = layer(max_ngram=2).present_ngrams(ids)
    monkeypatch.setattr("models.layers.ngrams.ROWS", 3)
    np.testing.assert_array_equal(one_batch, layer(max_ngram=2).present_ngrams(ids))
    rows, hashed = one_batch
    for row, text in enumerate(ids):
        assert sorted(hashed[rows == row]) == sorted(buckets(*text, max_ngram=2))


def texts_of(classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and labels of texts with one word of their class and five that all classes share.

    In a tenth of the texts the first word is drawn from all classes.
    """
    rng = np.random.default_rng(1)
    targets = np.arange(rows) % classes
    first = 5 + 2 * targets[:, None] + rng.integers(0, 2, (rows, 1))
    wrong = rng.random((rows, 1)) < 0.1
    first = np.where(wrong, 5 + rng.integers(0, 2 * classes, (rows, 1)), first)
    ids = np.concatenate([first, rng.integers(2, 5, (rows, 5))], axis=1)
    return ids.astype(np.int32), targets


@pytest.mark.parametrize("classes", [2, 3])
def test_a_fitted_layer_gives_the_log_odds_of_nb_svm(classes):
    ids, targets = texts_of(classes, 60)
    fitted = layer(outputs=classes)
    fitted(ids)
    fitted.set_weights(objective.svm_weights(fitted, ids, targets))
    present = np.zeros((60, 20))
    present[np.arange(60)[:, None], ids] = 1
    present = present[:, present.any(axis=0)]
    odds = []
    for label in range(classes):
        classifier = NaiveBayesSVM(1.0, interpolation=1.0, random_state=0)
        weights, bias = log_odds(sparse.csr_matrix(present), targets == label, classifier)
        odds.append(present @ weights + bias)
    logits = np.array(fitted(ids))
    expected = np.stack([-odds[1] / 2, odds[1] / 2] if classes == 2 else odds, axis=1)
    np.testing.assert_allclose(logits, expected, atol=2e-3)
    assert (logits.argmax(axis=1) == targets).mean() > 0.85


def test_log_odds_are_calibrated():
    """A tenth of the texts have a random word, so Platt scaling must not be too confident."""
    ids, targets = texts_of(2, 1000)
    fitted = layer()
    fitted(ids)
    fitted.set_weights(objective.svm_weights(fitted, ids, targets))
    logits = np.array(fitted(ids))
    confidence = 1 / (1 + np.exp(-np.abs(logits[:, 1] - logits[:, 0])))
    assert abs(confidence.mean() - (logits.argmax(axis=1) == targets).mean()) < 0.02


def test_with_one_row_of_a_class_all_weights_are_zero():
    weights, bias = log_odds(sparse.eye(4, format="csr"), np.arange(4) == 2, NaiveBayesSVM())
    assert not weights.any() and bias == pytest.approx(np.log(2 / 4))


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("outputs", 0, "value-too-small"),
        ("max_ngram", 0, "value-too-small"),
        ("buckets", 1, "value-too-small"),
        ("penalty", 0, "value-not-positive"),
    ],
)
def test_values_out_of_range(key, value, code):
    with pytest.raises(UserError) as error:
        layer(**{key: value})
    assert (error.value.code, error.value.key) == (code, f"build.{key}")
    assert error.value.value == value


def test_the_ensemble_is_the_mean_of_log_probabilities_and_in_training_the_first_member():
    confident = np.log([[0.9, 0.1]]).astype(np.float32)
    uniform = np.zeros((1, 2), np.float32)
    ensemble = LogProbEnsemble()
    mean = np.array(ensemble([confident, uniform]))
    np.testing.assert_allclose(mean, (confident + np.log(0.5)) / 2, rtol=1e-5)
    trained = np.array(ensemble([confident, uniform], training=True))
    np.testing.assert_allclose(trained, confident, rtol=1e-5)


def test_every_svm_is_fitted_before_training_on_its_field():
    """They then classify all of train correctly, where both fields determine the class."""
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
        svm = model.get_layer(f"{name}_ngrams")
        assert (np.array(svm(train[name])).argmax(axis=1) == targets).all()


def test_every_field_can_have_another_max_ngram():
    spec = text_spec(words=(5, 12), characters=(6, 9))
    model = models.build(spec, "ngrams", **BUILD, max_ngram={"words": 2, "characters": 3})
    assert [model.get_layer(f"{name}_ngrams").max_ngram for name in spec.inputs] == [2, 3]
    with pytest.raises(UserError) as error:
        models.build(spec, "ngrams", **BUILD, max_ngram={"words": 2})
    assert error.value.code == "fields-mismatch"
    assert (error.value.key, error.value.value) == ("build.max_ngram", {"words": 2})


def test_a_model_without_svm_is_not_changed():
    model = models.build(text_spec(words=(5, 12)), "text_cnn", "text_cnn")
    before = model.get_weights()
    objective.fit_closed_form(model, {}, {}, text_spec(words=(5, 12)))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
