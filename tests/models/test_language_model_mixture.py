"""The mixture of a network and counts: its weight, its probabilities, its files, its graph."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from models.ensembles.language_models import best_weight, mix
from models.layers.language_model_scores import token_nats
from models.recurrent_language_models import gru_language_model
from pipelines.storage import arrays
from pipelines.tasks.language_modeling import decoders
from pipelines.tasks.language_modeling.example import example_spec
from tests.support.user_errors import user_error

MODULE, BUILDER = "ensembles/language_models", "language_model_mixture"


@pytest.fixture(scope="module")
def columns() -> list[dict]:
    """train, val and test: ids that depend on the one before."""
    rng, parts = np.random.default_rng(1), []
    for count in (30, 10, 10):
        documents = []
        for length in rng.integers(1, 30, count):
            steps = rng.choice([0, 1, 2], length, p=[0.1, 0.7, 0.2])
            documents.append((2 + np.cumsum(steps) % 10).astype(np.int32))
        parts.append({"tokens": documents})
    return parts


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm_start")
    keras.utils.set_random_seed(1)
    network = gru_language_model(example_spec(), embedding_dim=4, units=5)
    network.save(folder / "model.keras")
    return with_start(folder / "model.keras")


def with_start(file):
    digests = {"warm_start": arrays.digest(file.parent)}
    spec = example_spec()
    metadata = {**spec.task_metadata, "warm_start": str(file)}
    return replace(spec, digests=digests, task_metadata=metadata)


@pytest.fixture(scope="module")
def mixture(spec, columns):
    estimator = models.build(spec, MODULE, builder=BUILDER, order=3)
    estimator.fit(columns[0], columns[1], 1)
    return estimator


def test_no_other_weight_is_better():
    rng = np.random.default_rng(1)
    network, counts = rng.uniform(0.01, 1, (2, 500))
    weight = best_weight(network, counts)
    assert 0 < weight < 1
    likelihood = [
        np.log(mix(other, network, counts)).sum() for other in (weight, *np.linspace(0, 1, 101))
    ]
    assert max(likelihood) == pytest.approx(likelihood[0], abs=1e-6)


@pytest.mark.parametrize(("network", "expected"), [(0.9, 1.0), (0.1, 0.0)])
def test_of_one_that_is_always_better_nothing_of_the_other_is_left(network, expected):
    assert best_weight(np.full(9, network), np.full(9, 0.5)) == pytest.approx(expected, abs=1e-3)


def test_on_val_the_mixture_is_at_least_as_good_as_both(mixture, spec, columns):
    documents = columns[1]["tokens"]
    network = np.exp(np.concatenate(token_nats(mixture.network, documents)).mean())
    counts = models.build(spec, "classical/ngram_lm", builder="ngrams", order=3)
    counts.fit(*columns[:2], 1)
    best = min(network, counts.selection.value)
    assert mixture.selection.value <= best * (1 + 1e-6)  # it ends within 1e-6 of the weight


def test_outputs_are_sums_of_the_mixed_probabilities(mixture, columns):
    documents = columns[2]["tokens"]
    outputs = mixture.predict(columns[2])
    counts = mixture.counts.probabilities([ids.astype(np.int64) - 1 for ids in documents])
    network = token_nats(mixture.network, documents)
    for row, ids in enumerate(documents):
        expected = mixture.weight * np.exp(-network[row]) + (1 - mixture.weight) * counts[row]
        assert outputs["by_token"][row] == pytest.approx(-np.log(expected))
        assert outputs["tokens"][row] == len(ids)


@pytest.mark.slow
def test_restored_it_is_the_same(mixture, spec, columns, tmp_path):
    mixture.save(tmp_path)
    other = models.build(spec, MODULE, builder=BUILDER, order=3)
    other.restore(tmp_path)
    assert np.array_equal(other.predict(columns[2])["nats"], mixture.predict(columns[2])["nats"])
    assert (other.selection, other.parameters) == (mixture.selection, mixture.parameters)


@pytest.mark.slow
def test_the_served_one_is_the_same(mixture, columns):
    documents = [ids.tolist() for ids in columns[2]["tokens"]]
    nats = decoders.of_estimator(mixture).nats(tf.ragged.constant(documents, tf.int32))
    assert nats.numpy() == pytest.approx(mixture.predict(columns[2])["nats"], rel=1e-6)


def test_its_next_tokens_have_the_probabilities_that_it_scores(mixture, columns):
    decoder = decoders.of_estimator(mixture)
    ids = columns[2]["tokens"][1]
    state, token = decoder.start(
        tf.ragged.constant([[], ids[:2].tolist()], tf.int32, ragged_rank=1)
    )
    expected = mixture.predict({"tokens": [ids]})["by_token"][0]
    for number, following in enumerate(ids[:4]):
        logits, state = decoder.step(token, state)
        assert tf.reduce_sum(tf.exp(logits), axis=1).numpy() == pytest.approx(1, abs=1e-5)
        assert -logits[0, following].numpy() == pytest.approx(expected[number], abs=1e-4)
        token = tf.constant([following, following])


def test_a_start_that_is_no_language_model_of_these_tokens(spec, columns, tmp_path):
    inputs = keras.Input((3,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(tmp_path / "model.keras")
    estimator = models.build(with_start(tmp_path / "model.keras"), MODULE, builder=BUILDER, order=3)
    with user_error("network-unusable", path=str(tmp_path / "model.keras"), key="weights"):
        estimator.fit(*columns[:2], 1)
