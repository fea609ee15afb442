"""Loss of an autoencoder of images.

The data sets are those of image classification. Their spec names a class as the target; it is not
learned here. The target is the image itself: see FEED. The class only scores the code afterwards.
"""

import keras
from keras import ops

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.monitor import Monitor

__all__ = ["FEED", "MONITOR", "fit_decision_rule", "loss", "metrics"]

FEED = "reconstructed"
MONITOR = Monitor("val/loss")


@keras.saving.register_keras_serializable("pipelines")
class ReconstructionError(keras.losses.Loss):
    """Mean squared error of the pixels of each image.

    targets: (B, H, W, C) intensities, 0 to 255. Outputs: (B, H, W, C), in 0 to 1.
    """

    def __init__(self, reduction="sum_over_batch_size", name="reconstruction_error", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true / 255 - y_pred), axis=(1, 2, 3))  # (B,)


def loss(spec: DataSpec):
    return ReconstructionError()


def metrics(spec: DataSpec) -> list:
    return []


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """There is nothing to decide."""
    return DecisionRule()
