"""Losses of segmentation: cross-entropy of each pixel, and the overlap of whole regions."""

import keras
from keras import ops

from pipelines.config.errors import UserError
from pipelines.preprocessing.mask_files import IGNORED

SMOOTHING = 1.0  # pixels; a class that a batch does not have gives no division by zero


@keras.saving.register_keras_serializable("pipelines")
class PixelLoss(keras.losses.Loss):
    """Nats a pixel, plus `dice` times one minus the soft Dice coefficient; IGNORED pixels apart.

    Targets (B, H, W) class ids; logits (B, h, w, V), where unpadded convolutions leave the centre
    of the tile. With p the probability and t the indicator of a class over a batch, soft Dice is
    (2 sum p t) / (sum p + sum t), and its mean over classes gives rare classes the same weight as
    frequent ones.

    Args:
        dice: weight of the second term.

    References: Ronneberger et al. 2015 for the first term; Milletari, Navab and Ahmadi, "V-Net",
    3DV 2016, https://arxiv.org/abs/1606.04797, for the second, with squares in the denominator.
    """

    def __init__(self, dice: float = 0.0, name="pixel_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        if dice < 0:
            raise UserError("weight-negative", "must be 0 or more", key="loss.dice", value=dice)
        self.dice = dice

    def call(self, targets, logits):
        targets = centre(targets, logits)
        real = ops.cast(ops.not_equal(targets, IGNORED), logits.dtype)  # (B, h, w)
        classes = logits.shape[-1]
        indicators = ops.one_hot(ops.minimum(targets, classes - 1), classes, dtype=logits.dtype)
        indicators = indicators * real[..., None]
        log_probabilities = ops.log_softmax(logits)
        nats = -ops.sum(indicators * log_probabilities) / ops.maximum(ops.sum(real), 1.0)
        if not self.dice:
            return nats
        probabilities = ops.exp(log_probabilities) * real[..., None]
        axes = (0, 1, 2)
        both = ops.sum(probabilities * indicators, axis=axes)  # (V,)
        either = ops.sum(probabilities, axis=axes) + ops.sum(indicators, axis=axes)
        overlap = ops.mean((2 * both + SMOOTHING) / (either + SMOOTHING))
        return nats + self.dice * (1 - overlap)

    def get_config(self):
        return {**super().get_config(), "dice": self.dice}


@keras.saving.register_keras_serializable("pipelines")
class PixelAccuracy(keras.metrics.Mean):
    """The share of pixels with a class whose class is the most probable one."""

    def __init__(self, name="accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, targets, logits, sample_weight=None):
        targets = ops.cast(centre(targets, logits), "int32")
        correct = ops.equal(targets, ops.cast(ops.argmax(logits, axis=-1), "int32"))
        real = ops.not_equal(targets, IGNORED)
        super().update_state(ops.cast(correct, "float32"), ops.cast(real, "float32"))


def centre(targets, logits):
    """(B, H, W) -> (B, h, w) int32: the part of the masks that logits (B, h, w, V) are for."""
    targets = ops.cast(targets, "int32")
    tall, wide = (ops.shape(targets)[axis] - ops.shape(logits)[axis] for axis in (1, 2))
    height, width = ops.shape(logits)[1], ops.shape(logits)[2]
    top, left = tall // 2, wide // 2
    return targets[:, top : top + height, left : left + width]
