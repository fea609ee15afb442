"""Sampling from any decoder, token by token: what beam search is for the best text, for any text.

The logits of a step are changed in this order: divided by the temperature; all but the `top_k`
largest excluded; of these, all but the fewest whose probabilities reach `top_p`; what is left is a
distribution again (Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020,
https://arxiv.org/abs/1904.09751). The token that crosses `top_p` stays, so there is always one.

Every parameter is a vector, one value a row, so that a server can join requests into a batch. The
random numbers of a row depend on its seed alone: its text is the same whatever is beside it.

Shapes: B rows, L positions, V tokens of the vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from pipelines.inference.beam_search import Decoder

LIMIT = 1024  # positions at most: random numbers are drawn for as many, whatever is asked for


@dataclass(frozen=True)
class SamplingConfig:
    """Parameters of each row, all (B,).

    Args:
        max_tokens: int32, at most LIMIT.
        temperature: float32; 0 takes the most probable token, without chance.
        top_k: int32; 0 excludes nothing.
        top_p: float32; 1 excludes nothing.
        seed: int64.
    """

    max_tokens: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor
    seed: tf.Tensor

    @classmethod
    def greedy(cls, rows: tf.Tensor, max_tokens: int) -> "SamplingConfig":
        fill = lambda value, dtype: tf.fill((rows,), tf.constant(value, dtype))  # noqa: E731
        return cls(
            fill(max_tokens, tf.int32), fill(0, tf.float32), fill(0, tf.int32),
            fill(1, tf.float32), fill(0, tf.int64),
        )  # fmt: skip


def sample(
    decoder: Decoder, state: Any, last: tf.Tensor, config: SamplingConfig, end: int = -1
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Continues each row until `end` or its `max_tokens`.

    Works in a graph and eagerly.

    Args:
        decoder: its `step` gives the logits after a token.
        state: before the last token of the prompt.
        last: (B,) int32, that token.
        config: of each row.
        end: the id that ends a text, itself its last token; -1: none does.

    Returns:
        (B, None) ragged int32 ids, (B,) float32 log-probability of them under the model as it is,
        (B,) bool whether it ended by `end`.
    """
    uniform = uniforms(config.seed)  # (B, LIMIT)
    steps = tf.reduce_max(tf.concat([config.max_tokens, [0]], axis=0))
    tokens = tf.TensorArray(tf.int32, steps, element_shape=last.shape)
    zeros = tf.zeros_like(last)

    def condition(index, last, state, tokens, lengths, ended, score):
        return tf.reduce_any(~ended & (index < config.max_tokens))

    def body(index, last, state, tokens, lengths, ended, score):
        logits, state = decoder.step(last, index, state)
        drawn = choose(logits, config, uniform[:, index])
        is_open = ~ended & (index < config.max_tokens)
        log_probability = tf.gather(tf.nn.log_softmax(logits), drawn, batch_dims=1)
        score += tf.where(is_open, tf.cast(log_probability, tf.float32), 0)
        lengths += tf.cast(is_open, tf.int32)
        ended |= is_open & (drawn == end)
        return index + 1, drawn, state, tokens.write(index, drawn), lengths, ended, score

    begin = (tf.constant(0), last, state, tokens, zeros, zeros > 0, tf.cast(zeros, tf.float32))
    _, _, _, tokens, lengths, ended, score = tf.while_loop(
        condition, body, begin, maximum_iterations=steps, parallel_iterations=1
    )
    ids = tf.transpose(tokens.stack())  # (B, L)
    return tf.RaggedTensor.from_tensor(ids, lengths), score, ended


def choose(logits: tf.Tensor, config: SamplingConfig, uniform: tf.Tensor) -> tf.Tensor:
    """(B,) int32 tokens.

    Args:
        logits: (B, V).
        config: of each row.
        uniform: (B,) numbers in [0, 1); where one falls among the cumulative probabilities
            decides on the token.
    """
    temperature = tf.cast(config.temperature, logits.dtype)[:, None]
    scaled = logits / tf.where(temperature > 0, temperature, 1)
    ranked, tokens = tf.math.top_k(scaled, tf.shape(logits)[1])  # (B, V), the largest first
    ranks = tf.range(tf.shape(logits)[1])
    most = tf.where(config.top_k > 0, config.top_k, tf.shape(logits)[1])[:, None]
    kept = tf.where(ranks < most, tf.nn.softmax(ranked), 0)
    kept /= tf.reduce_sum(kept, axis=1, keepdims=True)
    before = tf.cumsum(kept, axis=1, exclusive=True)
    kept = tf.where(before < tf.cast(config.top_p, kept.dtype)[:, None], kept, 0)
    reached = tf.cumsum(kept, axis=1) / tf.reduce_sum(kept, axis=1, keepdims=True)
    drawn = tf.reduce_sum(tf.cast(reached <= tf.cast(uniform, kept.dtype)[:, None], tf.int32), 1)
    last = tf.reduce_sum(tf.cast(kept > 0, tf.int32), axis=1) - 1  # rounding may leave 1 unreached
    rank = tf.where(config.temperature > 0, tf.minimum(drawn, last), 0)
    return tf.gather(tokens, rank, batch_dims=1)


def uniforms(seeds: tf.Tensor) -> tf.Tensor:
    """(B, LIMIT) numbers in [0, 1), of each row from its seed alone."""
    draw = lambda seed: tf.random.stateless_uniform((LIMIT,), [seed, 0])  # noqa: E731
    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec((LIMIT,), tf.float32))
