"""Several networks that answer as one.

References: Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", Neural
Computation 14(8), 2002; Bates and Granger, "The Combination of Forecasts", Operational Research
Quarterly 20(4), 1969.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class Vote(keras.layers.Layer):
    """[learned, fitted, ...] logits, each (B, C) -> (B, C), the mean of their log-probabilities.

    In training the first answers alone: the others were fitted before, and are so right of train's
    rows that nothing would be left to learn.
    """

    def call(self, voters, training=False):
        said = [ops.log_softmax(logits, axis=-1) for logits in voters]
        return said[0] if training else ops.mean(ops.stack(said, axis=1), axis=1)

    def compute_output_shape(self, shapes):
        return shapes[0]


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
