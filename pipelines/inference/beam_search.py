"""Beam search over any decoder: the same search that is evaluated and that is served.

A decoder is any object with two methods:

    start(source, length) -> state            what it knows before the first token
    step(ids, index, state) -> logits, state  one token further: (B*K,) ids -> (B*K, V) logits

`source` is what `start` takes: token ids, image features, or any nesting of tensors whose first
axis is the row. So is the state. A tensor that a step returns unchanged is not reordered between
hypotheses: all hypotheses of a row share it (the keys of an encoded source, say).

Shapes: B rows, K beams, L positions, V tokens of the vocabulary.
Length normalisation: Wu et al., "Google's Neural Machine Translation System", 2016, without the
constant. https://arxiv.org/abs/1609.08144
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing.sentencepiece import BEGIN, END, PADDING, UNKNOWN

NEG_INF = -1e9  # a log-probability lower than any other, to which others can still be added
BATCH = 256  # rows searched at once, as many as `verify` sends to the served model


class Decoder(Protocol):
    """What beam search needs of a model."""

    def start(self, source: Any, length: int) -> Any: ...

    def step(self, ids: tf.Tensor, index: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]: ...


@dataclass(frozen=True)
class BeamSearchConfig:
    """Parameters of the search.

    Args:
        beam_width: hypotheses kept at each step; 1 is greedy search.
        length_penalty: hypotheses are ranked by log-probability / length ** length_penalty;
            with 0, short ones are favoured.
        max_tokens: a hypothesis that has not ended by then is cut.
    """

    beam_width: int
    length_penalty: float
    max_tokens: int

    @classmethod
    def from_rule(cls, rule: DecisionRule, max_tokens: int) -> "BeamSearchConfig":
        return cls(rule.options["beam_width"], rule.options["length_penalty"], max_tokens)


def search(decoder: Decoder, source, config: BeamSearchConfig):
    """The best hypothesis of each row, (B, L) ids padded after END, and its (B,) rank score.

    Works in a graph and eagerly.
    """
    rows, beams = tf.shape(tf.nest.flatten(source)[0])[0], config.beam_width
    state = decoder.start(source, config.max_tokens)
    state = tf.nest.map_structure(lambda x: tf.repeat(x, beams, axis=0), state)  # (B*K, ...)
    ids = tf.zeros((rows, beams, config.max_tokens), tf.int32)  # (B, K, L)
    last = tf.fill((rows, beams), BEGIN)  # (B, K)
    # All beams begin alike. Only the first counts, or the best token would be taken K times.
    scores = tf.tile([[0.0] + [NEG_INF] * (beams - 1)], (rows, 1))  # (B, K)
    lengths = tf.zeros((rows, beams), tf.int32)

    def condition(index, ids, last, scores, lengths, state):
        return tf.reduce_any(is_open(last))

    def body(index, ids, last, scores, lengths, state):
        logits, new_state = decoder.step(tf.reshape(last, (-1,)), index, state)
        logits = tf.reshape(logits, (rows, beams, logits.shape[-1]))
        log_probabilities = next_token(logits, is_open(last))  # (B, K, V)
        total = scores[:, :, None] + log_probabilities
        new_lengths = tf.where(is_open(last), index + 1, lengths)
        ranked = total / tf.cast(new_lengths, tf.float32)[:, :, None] ** config.length_penalty
        _, best = tf.math.top_k(tf.reshape(ranked, (rows, -1)), beams)  # (B, K) of K*V
        parent, token = best // logits.shape[-1], best % logits.shape[-1]
        of_parent = lambda x: tf.gather(x, parent, batch_dims=1)  # noqa: E731
        by_position = tf.transpose(of_parent(ids), (2, 0, 1))  # (L, B, K)
        ids = tf.tensor_scatter_nd_update(by_position, [[index]], token[None])
        scores = tf.gather(tf.reshape(total, (rows, -1)), best, batch_dims=1)
        flat = tf.reshape(parent + beams * tf.range(rows)[:, None], (-1,))  # (B*K,)
        # What a step returns unchanged, the beams of a row have in common: nothing to reorder.
        reorder = lambda old, new: new if new is old else tf.gather(new, flat)  # noqa: E731
        state = tf.nest.map_structure(reorder, state, new_state)
        return index + 1, tf.transpose(ids, (1, 2, 0)), token, scores, of_parent(new_lengths), state

    _, ids, _, scores, lengths, _ = tf.while_loop(
        condition, body, (tf.constant(0), ids, last, scores, lengths, state),
        maximum_iterations=config.max_tokens, parallel_iterations=1,
    )  # fmt: skip
    ranks = scores / tf.cast(lengths, tf.float32) ** config.length_penalty
    best = tf.argmax(ranks, axis=1, output_type=tf.int32)
    return tf.gather(ids, best, batch_dims=1), tf.gather(ranks, best, batch_dims=1)


def is_open(last):
    """Whether a hypothesis whose last token this is goes on."""
    return tf.logical_and(last != END, last != PADDING)


def next_token(logits, is_open):
    """(..., V) log-probabilities of the next token.

    An open hypothesis may go on with any token but PADDING, UNKNOWN and BEGIN; one that has ended
    with PADDING alone, at no cost.
    """
    tokens = tf.range(logits.shape[-1])
    excluded = tf.reduce_any(tokens[:, None] == [PADDING, UNKNOWN, BEGIN], 1)
    open_ = tf.nn.log_softmax(tf.cast(logits, tf.float32)) + NEG_INF * tf.cast(excluded, tf.float32)
    ended = NEG_INF * tf.cast(tokens != PADDING, tf.float32)
    return tf.where(is_open[..., None], open_, ended)


def search_in_batches(
    decoder: Decoder, source: np.ndarray, config: BeamSearchConfig
) -> tuple[np.ndarray, np.ndarray]:
    """`search` over many rows, in the batches in which `verify` asks the served model."""
    row = tf.TensorSpec((None, *source.shape[1:]), tf.as_dtype(source.dtype))

    @tf.function(input_signature=[row])
    def search_batch(batch):
        return search(decoder, batch, config)

    batches = [source[start : start + BATCH] for start in range(0, len(source), BATCH)]
    ids, scores = zip(*(search_batch(batch) for batch in batches), strict=True)
    return np.concatenate(ids), np.concatenate(scores)
