"""Loss of a language model: -log p of the next token, given the correct ones before it."""

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.losses import MaskedCrossentropy
from pipelines.training.monitor import Monitor

__all__ = ["FEED", "MONITOR", "fit_decision_rule", "loss", "metrics"]

FEED = "streams"
MONITOR = Monitor("val/loss")


def loss(spec: DataSpec, *, label_smoothing: float = 0.0):
    """Nats a token.

    Args:
        spec: of the data set.
        label_smoothing: share of the target's probability that is spread over all tokens.
    """
    return MaskedCrossentropy(label_smoothing)


def metrics(spec: DataSpec) -> list:
    return []


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """None: how a text is drawn is decided by each request."""
    return DecisionRule()
