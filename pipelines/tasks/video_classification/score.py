"""Predictions and metrics of a classifier of movies."""

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import Outputs, predict, score

__all__ = ["Outputs", "predict", "score", "weights"]
