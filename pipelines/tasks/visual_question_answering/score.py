"""Predictions and metrics of answers to questions about images."""

from pipelines.evaluation.classifier import Outputs, predict
from pipelines.tasks.visual_question_answering.metrics import score, weights

__all__ = ["Outputs", "predict", "score", "weights"]
