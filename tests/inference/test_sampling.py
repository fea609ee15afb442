"""Sampling: the distribution by hand and by chi-square, and rows that do not mix."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import models
from pipelines.inference.beam_search import BEGIN, END, BeamSearchConfig, search
from pipelines.inference.sampling import (
    SamplingSettings,
    distribution,
    inverse_cdf,
    sample,
    uniform_number,
    uniform_numbers,
)
from tests.support.decoders import Bigrams
from tests.support.model_checks import pairs_spec

PROBABILITIES = np.array([0.05, 0.5, 0.15, 0.3])  # of four tokens
TABLE = np.random.default_rng(3).normal(0, 1, (8, 8))  # logits of the token after each token
ROWS = 4000


def settings_of(rows, first_seed=0, **options) -> SamplingSettings:
    return SamplingSettings.same(rows, np.arange(first_seed, first_seed + rows), **options)


def samples(rows=ROWS, length=2, table=TABLE, first_seed=0, **options) -> np.ndarray:
    source = tf.ones((rows, 1), tf.int32)
    ids, _ = sample(Bigrams(table), source, settings_of(rows, first_seed, **options), length)
    return ids.numpy()


def expected(last: int, temperature=1.0, top_k=0, top_p=1.0) -> np.ndarray:
    """The distribution of the token after `last`, in numpy and in float64."""
    logits = TABLE[last] / temperature
    probabilities = np.exp(logits) * (np.arange(len(logits)) >= END)
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities)
    if top_k:
        probabilities[order[top_k:]] = 0
        probabilities /= probabilities.sum()
    before = np.cumsum(probabilities[order]) - probabilities[order]
    probabilities[order[before >= top_p]] = 0
    return probabilities / probabilities.sum()


@pytest.mark.parametrize(
    ("options", "remaining"),
    [
        ({}, [0.5, 0.3, 0.15, 0.05]),
        ({"temperature": 0.5}, np.array([0.25, 0.09, 0.0225, 0.0025]) / 0.365),
        ({"temperature": 0.0}, [1, 0, 0, 0]),
        ({"temperature": 1e-38}, [1, 0, 0, 0]),
        ({"temperature": 1e30}, [0.25] * 4),
        ({"top_k": 2}, [0.625, 0.375, 0, 0]),
        ({"top_k": 9}, [0.5, 0.3, 0.15, 0.05]),
        ({"top_p": 0.79}, [0.625, 0.375, 0, 0]),
        ({"top_p": 0.0}, [1, 0, 0, 0]),
        # Top-p is of what top-k has left: of .526, .316 and .158, two have .83. Of .5, .3 and .15
        # three would be needed.
        ({"top_k": 3, "top_p": 0.83}, [0.625, 0.375, 0, 0]),
        # And of what the temperature has made: .685 and .247 have .9; .5 and .3 do not.
        ({"temperature": 0.5, "top_p": 0.9}, np.array([0.25, 0.09, 0, 0]) / 0.34),
    ],
)
def test_the_distribution_of_four_tokens(options, remaining):
    log_probabilities = distribution(
        tf.constant(np.log(PROBABILITIES)[None], tf.float32), settings_of(1, **options)
    )
    most_probable_first = np.exp(log_probabilities[0])[[1, 3, 2, 0]]
    assert most_probable_first == pytest.approx(np.array(remaining), abs=1e-6)


@pytest.mark.parametrize("size", [300, 2000])  # fewer and more than are sorted at first
@pytest.mark.parametrize("sharpness", [0.1, 4.0])
def test_the_distribution_of_a_large_vocabulary(size, sharpness):
    """Rows of all settings in one batch, with many equal logits; beside numpy's in float64."""
    rng = np.random.default_rng(size)
    ks, ps = np.meshgrid([0, 1, 40, 700, 5000], [0.0, 0.3, 0.9, 0.999, 1.0])
    rows = ks.size
    logits = np.round(rng.normal(0, sharpness, (rows, size)), 1)
    settings = SamplingSettings(
        tf.ones(rows), tf.constant(ks.ravel(), tf.int32), tf.constant(ps.ravel(), tf.float32),
        tf.zeros(rows, tf.int64),
    )  # fmt: skip
    for row, log_probabilities in enumerate(
        distribution(tf.constant(logits, tf.float32), settings)
    ):
        expected = np.exp(logits[row] - logits[row].max())
        order = np.argsort(-logits[row], kind="stable")
        expected[order[ks.flat[row] or size :]] = 0
        expected /= expected.sum()
        before = np.cumsum(expected[order]) - expected[order]
        expected[order[1:][before[1:] >= ps.flat[row]]] = 0
        expected /= expected.sum()
        # In float32 the nucleus may end a few improbable tokens earlier or later.
        assert np.exp(log_probabilities) == pytest.approx(expected, abs=3e-4)


def test_a_single_uniform_number_is_the_one_of_the_whole_row():
    seeds, positions = np.array([7, 0, -3, 2**61]), np.array([0, 19, 3, 8])
    expected = uniform_numbers(seeds, 20).numpy()[np.arange(4), positions]
    assert uniform_number(seeds, positions, 20).numpy().tolist() == expected.tolist()


@pytest.mark.parametrize("options", [
    {}, {"temperature": 0.6}, {"temperature": 2.0}, {"top_k": 3}, {"top_p": 0.6},
    {"temperature": 1.5, "top_k": 4, "top_p": 0.8},
])  # fmt: skip
def test_samples_have_the_distribution_that_was_asked_for(options):
    ids = samples(**options)
    pairs = [(BEGIN, ids[:, 0])]
    pairs += [(first, ids[ids[:, 0] == first, 1]) for first in range(END + 1, len(TABLE))]
    for last, drawn in pairs:
        probabilities = expected(last, **options)
        counts = np.bincount(drawn, minlength=len(TABLE))
        assert not counts[probabilities == 0].any()
        likely = probabilities * len(drawn) >= 5  # where chi-square is a good approximation
        if likely.sum() > 1:
            share = probabilities[likely] / probabilities[likely].sum()
            assert stats.chisquare(counts[likely], share * counts[likely].sum()).pvalue > 1e-3


def test_another_temperature_is_another_distribution():
    counts = np.bincount(samples(length=1, temperature=0.8)[:, 0], minlength=len(TABLE))
    probabilities = expected(BEGIN, temperature=1.0)
    assert stats.chisquare(counts[END:], probabilities[END:] * ROWS).pvalue < 1e-6


def test_a_row_does_not_depend_on_the_others():
    """Rows of different settings have the same tokens in a batch, in another order and alone."""
    rng = np.random.default_rng(1)
    rows, length = 12, 9
    settings = SamplingSettings(
        temperature=tf.constant(rng.choice([0.0, 0.7, 1.0, 3.0], rows), tf.float32),
        top_k=tf.constant(rng.choice([0, 2, 5], rows), tf.int32),
        top_p=tf.constant(rng.choice([0.5, 0.9, 1.0], rows), tf.float32),
        seed=tf.constant(rng.integers(-(2**62), 2**62, rows)),
    )
    table, source = TABLE - 2 * (np.arange(8) == END), tf.ones((rows, 1), tf.int32)
    together, scores = sample(Bigrams(table), source, settings, length)
    for order in ([*range(rows)][::-1], *([row] for row in range(rows))):
        some = SamplingSettings(*(tf.gather(values, order) for values in settings))
        ids, score = sample(Bigrams(table), source[: len(order)], some, length)
        assert np.array_equal(ids, together.numpy()[order])
        assert score.numpy() == pytest.approx(scores.numpy()[order], abs=1e-5)


def test_a_sample_ends_with_its_end_token():
    ids = samples(rows=500, length=12)
    lengths = np.where((ids == END).any(1), (ids == END).argmax(1) + 1, 12)
    for row, length in zip(ids, lengths, strict=True):
        assert (row[:length] >= END).all()
        assert not row[length:].any()
    assert len(set(lengths)) > 5


def test_reserved_tokens_are_never_drawn_however_high_the_temperature():
    table = np.zeros((8, 8))
    table[:, :END] = 50.0
    ids = samples(rows=500, length=1, table=table, temperature=1e9)
    assert set(ids.ravel()) == set(range(END, 8))


def test_temperature_zero_is_greedy_search():
    table = np.random.default_rng(5).normal(0, 3, (3, 8, 8))
    for logits in table:
        source = tf.ones((2, 1), tf.int32)
        greedy, _ = search(Bigrams(logits), source, BeamSearchConfig(1, 0.0, 6))
        ids, scores = sample(Bigrams(logits), source, settings_of(2, temperature=0.0), 6)
        assert np.array_equal(ids, greedy)
        assert scores.numpy().tolist() == [0, 0]


def test_of_equally_probable_tokens_greedy_takes_the_first():
    assert samples(rows=1, length=1, table=np.zeros((8, 8)), temperature=0.0).tolist() == [[END]]


def test_a_seed_gives_the_same_tokens_again_and_another_seed_others():
    first, again = samples(rows=50, length=6), samples(rows=50, length=6)
    assert np.array_equal(first, again)
    assert (samples(rows=50, length=6, first_seed=50) != first).any(1).mean() > 0.8


def test_numbers_of_neighbouring_seeds_are_uniform_and_independent():
    numbers = uniform_numbers(np.arange(500), 20).numpy()
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    for one, other in ((numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.04  # 4 standard errors


@pytest.mark.parametrize(("uniform", "token"), [
    (0.0, 1), (0.49, 1), (0.5, 3), (0.99, 3), (1.0, 3),
])  # fmt: skip
def test_a_token_is_where_the_cumulative_probability_exceeds_the_number(uniform, token):
    log_probabilities = tf.constant(np.log([[1e-99, 0.5, 1e-99, 0.5, 1e-99]]), tf.float32)
    assert inverse_cdf(log_probabilities, tf.constant([uniform])).numpy().tolist() == [token]


@pytest.mark.slow
def test_the_score_of_a_sample_is_the_log_probability_that_the_model_gives_it():
    """In a graph, with a model of this repository; teacher forcing gives the same number."""
    spec = pairs_spec(6, 20)
    model = models.build(spec, "seq2seq", "seq2seq", embedding_dim=4, units=8)
    source = np.random.default_rng(2).integers(4, 20, (5, 6)).astype("int32")
    decoder = model.get_layer("translator")
    ids, scores = tf.function(lambda rows: sample(decoder, rows, settings_of(5), 7))(source)
    target_in = np.concatenate([np.full((5, 1), BEGIN), ids[:, :-1]], axis=1).astype("int32")
    logits = np.array(model([source, target_in]), dtype=np.float64)
    logits[..., :END] = -np.inf
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    drawn = np.take_along_axis(log_probabilities, ids.numpy()[..., None], -1)[..., 0]
    assert scores.numpy() == pytest.approx(np.where(ids != 0, drawn, 0).sum(1), abs=1e-4)
