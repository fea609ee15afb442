"""Layers that combine a trained network with a model that was fitted in closed form.

In training both return the trained network's output alone. A network that learned to correct the
fitted model would learn from that model's errors on train, which are smaller than its errors on
new data.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class LogProbEnsemble(keras.layers.Layer):
    """Mean of the classifiers' log-probabilities: a geometric mean, up to normalisation.

    Input: a list of logits, each (B, C), the trained network's first. Output: (B, C), in training
    the log-probabilities of the first alone: the others have already fitted train, so averaging
    with them would leave no gradient. Reference: Hinton, "Training Products of Experts by
    Minimizing Contrastive Divergence", 2002, https://doi.org/10.1162/089976602760128018.
    """

    def call(self, logits, training=False):
        log_probs = [ops.log_softmax(member, axis=-1) for member in logits]  # each (B, C)
        return log_probs[0] if training else ops.mean(ops.stack(log_probs, axis=1), axis=1)

    def compute_output_shape(self, shapes):
        return shapes[0]


@keras.saving.register_keras_serializable("models")
class BlendWithFixed(keras.layers.Layer):
    """Mean of a trained and a fixed forecast; averaging independent errors reduces their variance.

    Input: [trained (..., Q), fixed (..., 1)]. Output: (..., Q), in training the trained forecast
    alone. At inference all quantiles move by the same amount, so that the one at index `middle`
    becomes the mean of both forecasts. Reference: Bates and Granger, "The Combination of
    Forecasts", 1969, https://doi.org/10.1057/jors.1969.103.

    Args:
        middle: index of the median on the last axis; 0 without quantiles.
    """

    def __init__(self, middle: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.middle = middle

    def call(self, forecasts, training=False):
        trained, fixed = forecasts
        if training:
            return trained
        median = trained[..., self.middle : self.middle + 1]  # (..., 1)
        return trained + (fixed - median) / 2

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "middle": self.middle}
