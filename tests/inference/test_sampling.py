"""Sampling: which tokens can be drawn, how often, and independently of other rows."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import chisquare

from pipelines.inference.sampling import SamplingConfig, choose, sample, uniforms

PROBABILITIES = np.array([0.1, 0.4, 0.05, 0.25, 0.2])
LOGITS = np.log(PROBABILITIES)
DRAWS = 4000


class Successor:
    """After token t: t + 1 with .75, t + 2 with .25, of SIZE tokens in a circle."""

    SIZE = 7

    def step(self, ids, index, state):
        near, far = (tf.one_hot((ids + n) % self.SIZE, self.SIZE, dtype=tf.float64) for n in (1, 2))
        return tf.math.log(0.75 * near + 0.25 * far + 1e-12), state


def config(rows: int, temperature=1.0, top_k=0, top_p=1.0, max_tokens=10, seed=None):
    seeds = np.arange(rows) if seed is None else np.broadcast_to(seed, rows)
    return SamplingConfig(
        tf.constant(np.broadcast_to(max_tokens, rows).astype(np.int32)),
        tf.fill((rows,), np.float32(temperature)),
        tf.fill((rows,), np.int32(top_k)),
        tf.fill((rows,), np.float32(top_p)),
        tf.constant(seeds, tf.int64),
    )


def drawn(**settings) -> np.ndarray:
    """How often each token is drawn of DRAWS rows with the same logits."""
    settings = config(DRAWS, **settings)
    tokens = choose(tf.tile([LOGITS], (DRAWS, 1)), settings, uniforms(settings.seed)[:, 0])
    return np.bincount(tokens, minlength=len(LOGITS))


def restricted(tokens) -> np.ndarray:
    kept = np.isin(np.arange(len(LOGITS)), tokens) * PROBABILITIES
    return kept / kept.sum()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, PROBABILITIES),
        ({"temperature": 2.0}, PROBABILITIES**0.5 / (PROBABILITIES**0.5).sum()),
        ({"temperature": 0.5}, PROBABILITIES**2 / (PROBABILITIES**2).sum()),
        ({"top_k": 2}, restricted([1, 3])),
        ({"top_p": 0.65}, restricted([1, 3])),
        ({"top_p": 0.66}, restricted([1, 3, 4])),
        ({"top_k": 3, "top_p": 0.45}, restricted([1])),
        ({"top_k": 99, "top_p": 1.0}, PROBABILITIES),
    ],
)
def test_tokens_have_their_probabilities(settings, expected):
    counts = drawn(**settings)
    possible = expected > 0
    assert not counts[~possible].any()
    if possible.sum() > 1:
        assert chisquare(counts[possible], DRAWS * expected[possible]).pvalue > 0.001


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-6}])
def test_the_most_probable_token(settings):
    assert drawn(**settings)[1] == DRAWS


def test_a_row_does_not_depend_on_those_beside_it():
    last = tf.constant([3, 3, 5, 1], tf.int32)
    together, *_ = sample(Successor(), (), last, config(4, seed=[7, 7, 8, 9]))
    alone, *_ = sample(Successor(), (), last[:1], config(1, seed=7))
    assert together[0].numpy().tolist() == together[1].numpy().tolist() == alone[0].numpy().tolist()


def test_a_longer_text_begins_with_the_shorter_one():
    last = tf.constant([3, 3], tf.int32)
    ids, *_ = sample(Successor(), (), last, config(2, seed=7, max_tokens=[4, 60]))
    assert ids.row_lengths().numpy().tolist() == [4, 60]
    assert ids[0].numpy().tolist() == ids[1].numpy().tolist()[:4]


def test_a_text_ends_with_its_end():
    ids, _, ended = sample(Successor(), (), tf.constant([3] * 20), config(20, max_tokens=9), end=0)
    for row, has_ended in zip(ids.to_list(), ended.numpy(), strict=True):
        assert (0 in row) == has_ended
        assert 0 not in row[:-1]
    assert ended.numpy().any()


def test_the_score_is_the_log_probability_of_the_tokens():
    last = tf.constant([3], tf.int32)
    ids, score, _ = sample(Successor(), (), last, config(1, temperature=3.0, seed=5))
    tokens = [3, *ids[0].numpy().tolist()]
    steps = np.diff(tokens) % Successor.SIZE
    assert score.numpy()[0] == pytest.approx(
        np.log(np.where(steps == 1, 0.75, 0.25)).sum(), rel=1e-5
    )


def test_no_tokens_are_asked_for():
    ids, score, ended = sample(Successor(), (), tf.constant([3]), config(1, max_tokens=0))
    assert ids.to_list() == [[]] and score.numpy()[0] == 0 and not ended.numpy()[0]
