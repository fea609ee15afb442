"""Losses of segmentation: cross-entropy of each pixel, and the overlap of whole regions."""

import keras
from keras import ops

from pipelines.config.errors import UserError

SMOOTHING = 1.0  # pixels; a class that a batch does not have gives no division by zero


@keras.saving.register_keras_serializable("pipelines")
class PixelLoss(keras.losses.Loss):
    """Nats a pixel, plus `dice` times one minus the soft Dice coefficient.

    Targets (B, H, W) class ids, where pixels of V or more have no class and do not count; logits
    (B, h, w, V), where unpadded convolutions leave the centre of the tile. With p the probability
    and t the indicator of a class over a batch, soft Dice is (2 sum p t) / (sum p + sum t); its
    mean over the classes that the batch has gives rare ones the same weight as frequent ones.

    Args:
        dice: weight of the second term.
        balance: from 0 to 1. In the first term a pixel of a class with n pixels in the batch
            weighs n^-balance: 0 leaves all pixels alike, 1 gives all classes the same sum.

    References: Ronneberger et al. 2015 for the first term and weights that balance classes;
    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, https://arxiv.org/abs/1606.04797, for the
    second, with squares in the denominator.
    """

    def __init__(self, dice: float = 0.0, balance: float = 0.0, name="pixel_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        if dice < 0 or not 0 <= balance <= 1:
            key, value = ("dice", dice) if dice < 0 else ("balance", balance)
            raise UserError(
                "weight-invalid", "dice must be 0 or more, balance in 0 to 1",
                key=f"loss.{key}", value=value,
            )  # fmt: skip
        self.dice, self.balance = dice, balance

    def call(self, targets, logits):
        targets = centre(targets, logits)
        classes, axes = logits.shape[-1], (0, 1, 2)
        real = ops.cast(targets < classes, logits.dtype)  # (B, h, w)
        indicators = ops.one_hot(ops.minimum(targets, classes - 1), classes, dtype=logits.dtype)
        indicators = indicators * real[..., None]
        counts = ops.sum(indicators, axis=axes)  # (V,)
        log_probabilities = ops.log_softmax(logits)
        weights = ops.power(ops.maximum(counts, 1.0), -self.balance)
        nats = -ops.sum(weights * ops.sum(indicators * log_probabilities, axis=axes))
        nats = nats / ops.maximum(ops.sum(weights * counts), ops.min(weights))
        if not self.dice:
            return nats
        probabilities = ops.exp(log_probabilities) * real[..., None]
        both = ops.sum(probabilities * indicators, axis=axes)
        either = ops.sum(probabilities, axis=axes) + counts
        present = ops.cast(counts > 0, logits.dtype)
        overlaps = present * (2 * both + SMOOTHING) / (either + SMOOTHING)
        missed = 1 - ops.sum(overlaps) / ops.maximum(ops.sum(present), 1.0)
        return nats + self.dice * missed * ops.max(present)

    def get_config(self):
        return {**super().get_config(), "dice": self.dice, "balance": self.balance}


@keras.saving.register_keras_serializable("pipelines")
class PixelAccuracy(keras.metrics.Mean):
    """The share of pixels with a class whose class is the most probable one."""

    def __init__(self, name="accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, targets, logits, sample_weight=None):
        targets = ops.cast(centre(targets, logits), "int32")
        correct = ops.equal(targets, ops.cast(ops.argmax(logits, axis=-1), "int32"))
        real = targets < logits.shape[-1]
        super().update_state(ops.cast(correct, "float32"), ops.cast(real, "float32"))


def centre(targets, logits):
    """(B, H, W) -> (B, h, w) int32: the part of the masks that logits (B, h, w, V) are for."""
    targets = ops.cast(targets, "int32")
    tall, wide = (ops.shape(targets)[axis] - ops.shape(logits)[axis] for axis in (1, 2))
    height, width = ops.shape(logits)[1], ops.shape(logits)[2]
    top, left = tall // 2, wide // 2
    return targets[:, top : top + height, left : left + width]
