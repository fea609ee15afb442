"""From source ids to the ids of a translation: the one search that evaluates and that is served.

A model takes part if its layer "translator" has two methods (see models/layers):

    start(source, length) -> state            what it knows before the first word
    step(ids, index, state) -> logits, state  one word further

State is any nesting of tensors whose first axis is the row. What a step does not change it hands on
as the same tensor: keys of the source need not follow a hypothesis from beam to beam. Shapes: B
rows, K beams, L positions, V sub-words.

Reference of the length normalisation: Wu et al., "Google's Neural Machine Translation System",
2016, without the constant.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import Decision
from pipelines.preprocessing.sentencepiece import BEGIN, END, PADDING, UNKNOWN

NEVER = -1e9  # a log-probability that loses against all others and can still be added to
BATCH = 256


@dataclass(frozen=True)
class Search:
    """beams: hypotheses kept at each step; 1 is greedy search. length_power: hypotheses are ranked
    by log-probability / length ** length_power, or the shortest would win. max_tokens: a
    hypothesis that has not ended by then is cut."""

    beams: int
    length_power: float
    max_tokens: int

    @classmethod
    def of(cls, decision: Decision, max_tokens: int) -> "Search":
        return cls(decision.options["beams"], decision.options["length_power"], max_tokens)


def search(translator, source, how: Search):
    """(B, S) source ids -> (B, L) ids of the best hypothesis, and its (B,) rank score.

    A translation is padded after its END. Graph and eager tensors both do.
    """
    rows, beams = tf.shape(source)[0], how.beams
    once = translator.start(source, how.max_tokens)
    state = tf.nest.map_structure(lambda x: tf.repeat(x, beams, axis=0), once)
    ids = tf.zeros((rows, beams, how.max_tokens), tf.int32)
    last = tf.fill((rows, beams), BEGIN)
    # All beams begin alike: but for the first they are out, or the best word would come K times.
    scores = tf.tile([[0.0] + [NEVER] * (beams - 1)], (rows, 1))
    lengths = tf.zeros((rows, beams), tf.int32)

    def going_on(index, ids, last, scores, lengths, state):
        return tf.reduce_any(_open(last))

    def further(index, ids, last, scores, lengths, state):
        logits, found = translator.step(tf.reshape(last, (-1,)), index, state)
        words = _words(tf.reshape(logits, (rows, beams, logits.shape[-1])), _open(last))
        total = scores[:, :, None] + words
        longer = tf.where(_open(last), index + 1, lengths)
        ranked = total / tf.cast(longer, tf.float32)[:, :, None] ** how.length_power
        _, best = tf.math.top_k(tf.reshape(ranked, (rows, -1)), beams)
        parent, word = best // words.shape[-1], best % words.shape[-1]
        take = lambda x: tf.gather(x, parent, batch_dims=1)  # noqa: E731
        ids = tf.tensor_scatter_nd_update(tf.transpose(take(ids), (2, 0, 1)), [[index]], word[None])
        scores = tf.gather(tf.reshape(total, (rows, -1)), best, batch_dims=1)
        flat = tf.reshape(parent + beams * tf.range(rows)[:, None], (-1,))
        # What a step passes on as it is, a row's beams have in common: nothing to exchange there.
        move = lambda old, new: new if new is old else tf.gather(new, flat)  # noqa: E731
        state = tf.nest.map_structure(move, state, found)
        return index + 1, tf.transpose(ids, (1, 2, 0)), word, scores, take(longer), state

    start = (tf.constant(0), ids, last, scores, lengths, state)
    _, ids, _, scores, lengths, _ = tf.while_loop(
        going_on, further, start, maximum_iterations=how.max_tokens, parallel_iterations=1
    )
    ranks = scores / tf.cast(lengths, tf.float32) ** how.length_power
    best = tf.argmax(ranks, axis=1, output_type=tf.int32)
    return tf.gather(ids, best, batch_dims=1), tf.gather(ranks, best, batch_dims=1)


def _open(last):
    return tf.logical_and(last != END, last != PADDING)


def _words(logits, is_open):
    """(B, K, V) log-probabilities of what may follow: words or END where a hypothesis is open,
    padding, for nothing, where it has ended."""
    size = logits.shape[-1]
    barred = NEVER * tf.cast(
        tf.reduce_any(tf.range(size)[:, None] == [PADDING, UNKNOWN, BEGIN], 1), tf.float32
    )
    words = tf.nn.log_softmax(tf.cast(logits, tf.float32)) + barred
    ended = NEVER * tf.cast(tf.range(size) != PADDING, tf.float32)
    return tf.where(is_open[:, :, None], words, ended)


def translate(model, source: np.ndarray, how: Search) -> tuple[np.ndarray, np.ndarray]:
    """`search` over many rows, in the batches in which `verify` asks the served model."""
    translator = model.get_layer("translator")
    width = source.shape[1]

    @tf.function(input_signature=[tf.TensorSpec((None, width), tf.int32)])
    def run(ids):
        return search(translator, ids, how)

    found = [run(source[start : start + BATCH]) for start in range(0, len(source), BATCH)]
    ids, scores = zip(*found, strict=True)
    return np.concatenate(ids), np.concatenate(scores)
