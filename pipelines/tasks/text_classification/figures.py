"""Figures and tables of a text classifier."""

from pathlib import Path

import numpy as np

from pipelines.figures import classification, errors, ngram_weights
from pipelines.spec import DataSpec


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Confusion matrix, calibration, precision-recall curve and the most confident errors."""
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    columns = {
        name: test[name] for name in ("file", "line", spec.request_inputs[0]) if name in test
    }
    errors.mistakes(columns, outputs.probabilities, outputs.predicted, targets, labels, folder, 10)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same figures, and the n-grams with the largest weights."""
    draw(outputs, test, spec, decision, folder, estimator)
    blocks = estimator.model.blocks
    ngrams = [ngram for block in blocks for ngram in block.vocabulary]
    # Of a single occurrence, before the norm of the text divides it.
    weights = np.concatenate([block.occurrence_weights for block in blocks])
    ngram_weights.strongest(ngrams, weights, spec.labels, folder)
