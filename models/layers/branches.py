"""Several networks that answer as one.

References: Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural
Computation 14(8), 2002; Neverova, Wolf, Taylor and Nebout, "ModDrop: Adaptive Multi-Modal Gesture
Recognition", IEEE TPAMI 38(8), 2016; Bates and Granger, "The Combination of Forecasts", Operational
Research Quarterly 20(4), 1969.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class Vote(keras.layers.Layer):
    """A list of (B, C) logits -> (B, C), the mean of their log-probabilities.

    In training a row is answered by one voter alone, drawn at random, with probability `alone`: so
    each learns to answer by itself, and none rests because another is right of all train's rows.
    Differs from ModDrop: one voter stays, not each by a draw of its own.
    """

    def __init__(self, alone: float, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= alone <= 1:
            raise ValueError(f"alone must lie in [0, 1], found {alone}")
        self.alone = alone
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, voters, training=False):
        said = ops.stack([ops.log_softmax(logits, axis=-1) for logits in voters], axis=1)
        if not training or self.alone == 0:
            return ops.mean(said, axis=1)
        rows, count = ops.shape(said)[0], len(voters)
        drawn = keras.random.randint((rows,), 0, count, seed=self.seed_generator)
        single = keras.random.uniform((rows, 1), seed=self.seed_generator) < self.alone
        one = ops.one_hot(drawn, count, dtype=said.dtype)
        weights = ops.where(single, one, ops.full_like(one, 1 / count))
        return ops.sum(said * ops.expand_dims(weights, -1), axis=1)

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "alone": self.alone}


@keras.saving.register_keras_serializable("models")
class HalfwayTo(keras.layers.Layer):
    """[learned (..., Q), fixed (..., 1)] forecasts -> (..., Q), the learned alone in training.

    In inference it is moved so that its value at place `middle` becomes the mean of both; quantiles
    keep their distances. Forecasts found apart err apart, so their mean errs less; one that learns
    to correct the other finds what that one left of train, which is less than it leaves elsewhere.
    """

    def __init__(self, middle: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.middle = middle

    def call(self, forecasts, training=False):
        learned, fixed = forecasts
        if training:
            return learned
        return learned + (fixed - learned[..., self.middle : self.middle + 1]) / 2

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "middle": self.middle}
