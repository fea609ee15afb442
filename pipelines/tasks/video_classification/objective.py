"""Loss, metrics and decision rule of a classifier of movies."""

from pipelines.training.classifier_objective import MONITOR, fit_decision_rule, loss, metrics

__all__ = ["MONITOR", "fit_decision_rule", "loss", "metrics"]
