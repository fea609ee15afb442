"""Sampling over any decoder: the tokens of a row are drawn from the model's distribution.

Decoders are those of beam_search.py. At each step logits become a distribution in this order:

1. divided by the temperature (0: the most probable token is taken, which is greedy search);
2. top-k: the k most probable tokens remain (Fan et al. 2018, https://arxiv.org/abs/1805.04833);
3. top-p: of those, renormalised, the fewest whose probabilities sum to at least p remain
   (nucleus sampling, Holtzman et al. 2020, https://arxiv.org/abs/1904.09751);
4. renormalised.

A token is drawn by inverting the cumulative distribution at one uniform number. The numbers of a
row come from its own seed and nothing else, so that a row has the same tokens alone and in a batch
of any other rows: a server may merge requests.

Shapes: B rows, L positions, V tokens of the vocabulary.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pipelines.inference.beam_search import NEG_INF, Decoder, is_open, next_token
from pipelines.preprocessing.sentencepiece import BEGIN


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


def sample(decoder: Decoder, source, settings: SamplingSettings, max_tokens: int):
    """One sample a row: (B, L) ids, padded after END, and the (B,) log-probability of its tokens
    in the distributions that they were drawn from (0 where the search is greedy).

    Works in a graph and eagerly.
    """
    rows = tf.shape(tf.nest.flatten(source)[0])[0]
    state = decoder.start(source, max_tokens)
    uniform = uniform_numbers(settings.seed, max_tokens)  # (B, L)
    ids = tf.zeros((max_tokens, rows), tf.int32)  # (L, B)

    def condition(index, ids, last, scores, state):
        return tf.reduce_any(is_open(last))

    def body(index, ids, last, scores, state):
        logits, state = decoder.step(last, index, state)
        tokens, log_probabilities = distribution(next_token(logits, is_open(last)), settings)
        position = inverse_cdf(log_probabilities, uniform[:, index])  # (B,)
        token = tf.gather(tokens, position, batch_dims=1)
        scores += tf.gather(log_probabilities, position, batch_dims=1)
        ids = tf.tensor_scatter_nd_update(ids, [[index]], token[None])
        return index + 1, ids, token, scores, state

    _, ids, _, scores, _ = tf.while_loop(
        condition, body,
        (tf.constant(0), ids, tf.fill((rows,), BEGIN), tf.zeros((rows,)), state),
        maximum_iterations=max_tokens, parallel_iterations=1,
    )  # fmt: skip
    return tf.transpose(ids), scores


def distribution(logits, settings: SamplingSettings):
    """(B, V) logits -> (B, V) tokens, the most probable first, and their log-probabilities.

    Tokens that the settings exclude have a log-probability of -inf. Of equally probable tokens the
    one with the lower id comes first.
    """
    temperature = settings.temperature[:, None]
    greedy = temperature < np.finfo(np.float32).tiny
    logits = tf.cast(logits, tf.float32)
    # The greatest becomes 0, which no temperature turns into an infinity.
    scaled = (logits - tf.reduce_max(logits, -1, keepdims=True)) / tf.where(
        greedy, 1.0, temperature
    )
    scaled = tf.where(logits > NEG_INF / 2, scaled, -np.inf)  # excluded at any temperature
    # Not argsort, which does not order equal values in every implementation.
    ordered, tokens = tf.math.top_k(scaled, logits.shape[-1])
    rank = tf.range(logits.shape[-1])[None]  # (1, V)
    k = tf.where(greedy, 1, settings.top_k[:, None])
    remaining = tf.where((k <= 0) | (rank < k), ordered, -np.inf)
    mass_before = tf.cumsum(tf.nn.softmax(remaining), axis=-1, exclusive=True)
    p = settings.top_p[:, None]
    in_nucleus = (p >= 1) | (rank == 0) | (mass_before < p)
    return tokens, tf.nn.log_softmax(tf.where(in_nucleus, remaining, -np.inf))


def inverse_cdf(log_probabilities, uniform):
    """(B, V) log-probabilities and (B,) numbers of [0, 1) -> (B,) positions drawn.

    The position is the first at which the cumulative probability exceeds the number. Rounding may
    leave the whole sum below it: then it is the last position whose probability is not 0.
    """
    probabilities = tf.exp(log_probabilities)
    cumulative = tf.cumsum(probabilities, axis=-1)
    passed = tf.reduce_sum(tf.cast(cumulative <= uniform[:, None], tf.int32), axis=-1)
    last = tf.reduce_sum(tf.cast(probabilities > 0, tf.int32), axis=-1) - 1
    return tf.minimum(passed, last)


@tf.function  # a row of map_fn takes microseconds in a graph, and a hundred times that eagerly
def uniform_numbers(seed, length: int):
    """(B,) seeds -> (B, L) numbers of [0, 1), each row a function of its seed alone."""
    pairs = tf.stack([tf.cast(seed, tf.int64), tf.zeros_like(seed, tf.int64)], axis=-1)
    draw = lambda pair: tf.random.stateless_uniform((length,), seed=pair)  # noqa: E731
    return tf.map_fn(draw, pairs, fn_output_signature=tf.TensorSpec((length,), tf.float32))
