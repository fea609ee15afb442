"""Attention over several heads that can remember keys and values from step to step.

Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017. Shapes: B rows, T queries,
S keys, H heads, D width of a head, C channels.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class CachedAttention(keras.layers.MultiHeadAttention):
    """Keras's layer, cut in two: `remember` what can be attended to, then `attend` to it.

    Decoding word by word computes each word's keys and values once and keeps them, so a step costs
    one word and not all words so far. `call` is Keras's own, for training.
    """

    def remember(self, values):
        """(B, S, C) -> keys and values, (B, S, H, D) each."""
        return self.key_dense(values), self.value_dense(values)

    def attend(self, query, keys, values, mask):
        """(B, T, C) queries, remembered keys and values, (B, T, S) mask, true where allowed.

        Returns the (B, T, C) output. No dropout: decoding is no training.
        """
        output, _ = self._compute_attention(
            self.query_dense(query), keys, values, attention_mask=mask, training=False
        )
        return self.output_dense(output)


@keras.saving.register_keras_serializable("models")
class SinePositions(keras.layers.Layer):
    """Adds to (B, T, C) embeddings where each stands: C / 2 sines and as many cosines whose wave
    lengths grow from 2 pi to 20,000 pi positions. Nothing is learned, so any length can be read.

    `start` is the position of the first embedding, for decoding one at a time. Differs from the
    paper: all sines come first, then all cosines; a fixed permutation of channels.
    """

    def call(self, embedded, start=0):
        length, width = ops.shape(embedded)[1], embedded.shape[-1]
        positions = ops.cast(ops.arange(length) + start, "float32")
        steps = ops.arange(width // 2, dtype="float32") / (width // 2)
        angles = positions[:, None] * ops.exp(-steps * ops.log(10000.0))[None]
        waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return embedded + ops.cast(waves, embedded.dtype)[None]

    def compute_output_shape(self, embedded_shape):
        return embedded_shape
