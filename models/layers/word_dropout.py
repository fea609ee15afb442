"""Dropout of whole tokens.

Reference: Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text
Classification", ACL 2015, https://aclanthology.org/P15-1162.
"""

import keras
from keras import ops

from pipelines.config.errors import UserError

UNKNOWN = 1  # the id of every token outside the vocabulary


@keras.saving.register_keras_serializable("models")
class WordDropout(keras.layers.Layer):
    """(B, T) ids -> (B, T) ids, where training replaces tokens by the unknown token at random.

    Padding, id 0, is never replaced. No prediction can then depend on a single word, and the
    embedding of the unknown token is trained. Differs from the paper, which removes the words.

    Args:
        rate: probability of each token to be replaced, in [0, 1).
    """

    def __init__(self, rate: float, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise UserError(
                "rate-out-of-range", f"must be at least 0 and below 1, found {rate}",
                key="build.word_dropout", value=rate,
            )  # fmt: skip
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, ids, training=False):
        if not training or self.rate == 0:
            return ids
        uniform = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
        dropped = ops.logical_and(uniform < self.rate, ops.not_equal(ids, 0))
        return ops.where(dropped, ops.cast(UNKNOWN, ids.dtype), ids)

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor(ids.shape, ids.dtype)  # not the layer's compute dtype

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
