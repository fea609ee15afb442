"""What training minimises, what it watches, and how it turns probabilities into a decision."""

from pipelines.training.classifier_objective import MONITOR, fit_decision_rule, loss, metrics

__all__ = ["MONITOR", "fit_decision_rule", "loss", "metrics"]
