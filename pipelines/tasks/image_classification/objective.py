"""What training minimises, what it watches, and how it turns probabilities into a decision."""

from pipelines.training.classifier_objective import MONITOR, decide, loss, metrics

__all__ = ["MONITOR", "decide", "loss", "metrics"]
