"""Sampling over any decoder: the tokens of a row are drawn from the model's distribution.

Decoders are those of beam_search.py. At each step logits become a distribution in this order:

1. divided by the temperature (0: the most probable token is taken, which is greedy search);
2. top-k: the k most probable tokens remain (Fan et al. 2018, https://arxiv.org/abs/1805.04833);
3. top-p: of those, renormalised, the fewest whose probabilities sum to at least p remain
   (nucleus sampling, Holtzman et al. 2020, https://arxiv.org/abs/1904.09751);
4. renormalised.

A token is drawn by inverting the cumulative distribution, in the order of ids, at one uniform
number. The numbers of a row come from its own seed and nothing else, so that a row has the same
tokens alone and in a batch of any other rows: a server may merge requests.

Shapes: B rows, L positions, V tokens of the vocabulary.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pipelines.inference.beam_search import NEG_INF, Decoder, next_token
from pipelines.preprocessing.sentencepiece import BEGIN, END

Step = Callable[[Any, Any, Any], tuple[Any, Any]]  # of a decoder
CANDIDATES = 512  # that are sorted for top-p, unless more are needed


class SamplingSettings(NamedTuple):
    """How each row is sampled. Every field is a vector with an entry for each row.

    Args:
        temperature: (B,) float32, 0 or above. 1 leaves the model's probabilities as they are, less
            makes probable tokens more probable; 0 is greedy search.
        top_k: (B,) int32. How many tokens remain; 0 or less: all.
        top_p: (B,) float32. The mass that remains; 1 or more: all. The most probable token always
            remains.
        seed: (B,) int32 or int64.
    """

    temperature: Any
    top_k: Any
    top_p: Any
    seed: Any

    @classmethod
    def same(
        cls, rows: int, seed, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
    ) -> "SamplingSettings":
        """The same settings for `rows` rows, whose seeds differ."""
        return cls(
            tf.fill((rows,), temperature), tf.fill((rows,), top_k), tf.fill((rows,), top_p),
            tf.convert_to_tensor(seed),
        )  # fmt: skip


class Draw(NamedTuple):
    """One token of each row.

    Args:
        token: (B,) int32.
        score: (B,) its log-probability in the distribution that it was drawn from; 0 where the
            search is greedy.
        log_probability: (B,) in the model's own distribution.
    """

    token: tf.Tensor
    score: tf.Tensor
    log_probability: tf.Tensor


class Samples(NamedTuple):
    """What was drawn.

    Args:
        ids: (B, L) int32, padded with 0 after the last token of a row.
        lengths: (B,) int32.
        scores: (B,) log-probabilities of the tokens in the distributions that they were drawn from;
            0 where the search is greedy.
        log_probabilities: (B,) of the tokens in the model's own distributions.
        ended: (B,) whether the last token is the one that ends a text.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    log_probabilities: tf.Tensor
    ended: tf.Tensor


def sample(decoder: Decoder, source, settings: SamplingSettings, max_tokens: int):
    """One sample a row for a source: (B, L) ids, padded after END, and (B,) scores.

    Works in a graph and eagerly.
    """
    rows = tf.shape(tf.nest.flatten(source)[0])[0]

    def step(ids, index, state):
        logits, state = decoder.step(ids, index, state)
        return next_token(logits, tf.ones_like(ids, tf.bool)), state

    begin, length = tf.fill((rows,), BEGIN), tf.fill((rows,), max_tokens)
    state = decoder.start(source, max_tokens)
    drawn = extend(step, state, begin, settings, length, END, max_tokens)
    return drawn.ids, drawn.scores


def extend(
    step: Step, state: Any, last, settings: SamplingSettings, max_tokens, end: int, limit: int
) -> Samples:
    """Draws tokens after those that the state has seen.

    Args:
        step: of a decoder: (B,) ids, index, state -> (B, V) logits of the next, state.
        state: before `last`.
        last: (B,) int32, the token before the first that is drawn.
        settings: of each row.
        max_tokens: (B,) int32, how many a row gets at most.
        end: the token that ends a text, itself drawn; -1: none does.
        limit: no row gets more. Random numbers are drawn for as many, so that a row's are the same
            whatever it is limited to by `max_tokens`.
    """
    uniform = uniform_numbers(settings.seed, limit)  # (B, limit)
    positions = tf.minimum(tf.reduce_max(tf.concat([max_tokens, [0]], axis=0)), limit)
    zeros, scores = tf.zeros_like(last), tf.zeros_like(last, tf.float32)
    ids = tf.zeros((positions, tf.shape(last)[0]), tf.int32)  # (L, B)

    def is_extended(index, ended):
        return ~ended & (index < max_tokens)

    def condition(index, ids, last, state, drawn):
        return tf.reduce_any(is_extended(index, drawn.ended))

    def body(index, ids, last, state, drawn):
        open_rows = is_extended(index, drawn.ended)
        logits, state = step(last, index, state)
        one = draw(logits, settings, uniform[:, index])
        row = tf.where(open_rows, one.token, 0)[None]
        ids = tf.tensor_scatter_nd_update(ids, [[index]], row)
        drawn = Samples(
            ids[:0],
            drawn.lengths + tf.cast(open_rows, tf.int32),
            drawn.scores + tf.where(open_rows, one.score, 0),
            drawn.log_probabilities + tf.where(open_rows, one.log_probability, 0),
            drawn.ended | (open_rows & (one.token == end)),
        )
        return index + 1, ids, one.token, state, drawn

    drawn = Samples(ids[:0], zeros, scores, scores, zeros > 0)
    _, ids, _, _, drawn = tf.while_loop(
        condition, body, (tf.constant(0), ids, last, state, drawn),
        maximum_iterations=positions, parallel_iterations=1,
    )  # fmt: skip
    return drawn._replace(ids=tf.transpose(ids))


def draw(logits, settings: SamplingSettings, uniform) -> Draw:
    """(B, V) logits and (B,) numbers of [0, 1) -> a token for each row."""
    log_probabilities = distribution(logits, settings)
    token = inverse_cdf(log_probabilities, uniform)
    score = tf.gather(log_probabilities, token, batch_dims=1)
    under_model = tf.gather(tf.nn.log_softmax(logits), token, batch_dims=1)
    return Draw(token, score, tf.cast(under_model, tf.float32))


def distribution(logits, settings: SamplingSettings):
    """(B, V) logits -> (B, V) log-probabilities; -inf for tokens that the settings exclude.

    Of equally probable tokens the one with the lower id comes first.
    """
    temperature = settings.temperature[:, None]
    greedy = temperature < np.finfo(np.float32).tiny
    logits = tf.cast(logits, tf.float32)
    # The greatest becomes 0, which no temperature turns into an infinity.
    scaled = (logits - tf.reduce_max(logits, -1, keepdims=True)) / tf.where(
        greedy, 1.0, temperature
    )
    scaled = tf.where(logits > NEG_INF / 2, scaled, -np.inf)  # excluded at any temperature
    size = logits.shape[-1]
    k = tf.where(greedy, 1, settings.top_k[:, None])
    k, p = tf.where((k <= 0) | (k > size), size, k), settings.top_p[:, None]
    is_restricted = (k < size) | (p < 1)
    remaining = tf.cond(
        tf.reduce_any(is_restricted),
        lambda: tf.where(is_restricted, truncated(scaled, k, p), scaled),
        lambda: scaled,
    )
    return tf.nn.log_softmax(remaining)


def truncated(scaled, k, p):
    """(B, V) logits of which the k greatest, and of those the nucleus of mass p, are not -inf.

    Sorting a vocabulary takes longer than a step of a small network, so that no more tokens are
    sorted than are needed.

    Args:
        scaled: (B, V).
        k: (B, 1), from 1 to V.
        p: (B, 1).
    """
    size = scaled.shape[-1]
    candidates = tf.reduce_max(tf.where(k < size, k, min(CANDIDATES, size)))
    value, token, is_found = last_remaining(scaled, k, p, candidates)
    value, token = tf.cond(
        tf.reduce_all(is_found),
        lambda: (value, token),
        lambda: last_remaining(scaled, k, p, size)[:2],
    )
    remains = (scaled > value) | ((scaled == value) & (tf.range(size)[None] <= token))
    return tf.where(remains, scaled, -np.inf)


def last_remaining(scaled, k, p, candidates):
    """(B, 1) logit and id of the least probable token that remains, and whether it is the last.

    Args:
        scaled, k, p: see `truncated`.
        candidates: how many of the most probable tokens are looked at, at least k where k < V.
    """
    ordered, tokens = tf.math.top_k(scaled, candidates)  # (B, C), of equal ones the lower id first
    rank, is_top_k = tf.range(candidates)[None], k < scaled.shape[-1]
    ordered = tf.where(rank < k, ordered, -np.inf)
    total = tf.where(
        is_top_k,
        tf.reduce_logsumexp(ordered, -1, keepdims=True),
        tf.reduce_logsumexp(scaled, -1, keepdims=True),
    )
    mass = tf.cumsum(tf.exp(ordered - total), axis=-1)
    before = tf.pad(mass, [[0, 0], [1, 0]])[:, :-1]  # not exclusive=True: the sums are the same
    remains = (rank < k) & ((p >= 1) | (rank == 0) | (before < p))
    last = tf.reduce_sum(tf.cast(remains, tf.int32), -1, keepdims=True) - 1
    value, token = (tf.gather(column, last, batch_dims=1) for column in (ordered, tokens))
    return value, token, is_top_k | (p >= 1) | (mass[:, -1:] >= p)


def inverse_cdf(log_probabilities, uniform):
    """(B, V) log-probabilities and (B,) numbers of [0, 1) -> (B,) tokens drawn.

    The token is the first at which the cumulative probability exceeds the number. Rounding may
    leave the whole sum below it: then it is the last token whose probability is not 0.
    """
    probabilities = tf.exp(log_probabilities)
    cumulative = tf.cumsum(probabilities, axis=-1)
    passed = tf.reduce_sum(tf.cast(cumulative <= uniform[:, None], tf.int32), axis=-1)
    ids = tf.range(log_probabilities.shape[-1])[None]
    return tf.minimum(passed, tf.reduce_max(tf.where(probabilities > 0, ids, 0), -1))


@tf.function  # a row of map_fn takes microseconds in a graph, and a hundred times that eagerly
def uniform_numbers(seed, length: int):
    """(B,) seeds -> (B, L) numbers of [0, 1), each row a function of its seed alone."""
    pairs = _pairs(seed)
    draw = lambda pair: tf.random.stateless_uniform((length,), seed=pair)  # noqa: E731
    return tf.map_fn(draw, pairs, fn_output_signature=tf.TensorSpec((length,), tf.float32))


@tf.function
def uniform_number(seed, position, length: int):
    """(B,) numbers: that at (B,) `position` of each row of `uniform_numbers(seed, length)`."""
    draw = lambda row: tf.random.stateless_uniform((length,), seed=row[0])[row[1]]  # noqa: E731
    return tf.map_fn(draw, (_pairs(seed), position), fn_output_signature=tf.float32)


def _pairs(seed):
    """(B,) seeds as TensorFlow takes them, (B, 2)."""
    return tf.stack([tf.cast(seed, tf.int64), tf.zeros_like(seed, tf.int64)], axis=-1)
