"""Predictions and metrics of a classifier of windows."""

from pipelines.evaluation.classifier import Outputs, predict
from pipelines.tasks.signal_classification.metrics import score, weights

__all__ = ["Outputs", "predict", "score", "weights"]
