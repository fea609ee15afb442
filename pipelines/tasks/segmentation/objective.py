"""Loss and metrics of segmentation."""

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.segmentation.losses import PixelAccuracy, PixelLoss
from pipelines.training.monitor import Monitor

__all__ = ["MONITOR", "fit_decision_rule", "loss", "metrics"]

MONITOR = Monitor("val/loss")


def loss(spec: DataSpec, *, dice: float = 0.0, balance: float = 0.0):
    """Cross-entropy of each pixel.

    Args:
        spec: of the data set.
        dice: weight of a second term, one minus the soft Dice coefficient, in which rare classes
            count as much as frequent ones.
        balance: of the first term, how far pixels of rare classes weigh more: from 0, not at all,
            to 1, where all classes of a batch have the same weight.
    """
    return PixelLoss(dice, balance)


def metrics(spec: DataSpec) -> list:
    return [PixelAccuracy()]


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """The most probable class of each pixel."""
    return DecisionRule()
