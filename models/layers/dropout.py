"""Dropout of whole tokens.

Reference: Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text
Classification", ACL 2015.
"""

import keras
from keras import ops

UNKNOWN = 1  # the id of every token outside the vocabulary


@keras.saving.register_keras_serializable("models")
class WordDropout(keras.layers.Layer):
    """(B, T) ids -> the ids, each real one turned into the unknown id with probability `rate`.

    Acts in training only; padding (id 0) stays. So no single word can decide alone, and the
    unknown id's embedding is trained. Differs from the paper, which leaves dropped words out.
    """

    def __init__(self, rate: float, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must lie in [0, 1), found {rate}")
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, ids, training=False):
        if not training or self.rate == 0:
            return ids
        drawn = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
        dropped = ops.logical_and(drawn < self.rate, ops.not_equal(ids, 0))
        return ops.where(dropped, ops.cast(UNKNOWN, ids.dtype), ids)

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor(ids.shape, ids.dtype)  # not the dtype that the layer computes in

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
