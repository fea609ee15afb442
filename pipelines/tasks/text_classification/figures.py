"""Figures and tables of a text classifier."""

from pathlib import Path

import numpy as np

from pipelines.figures import classification, errors
from pipelines.spec import DataSpec


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Confusion matrix, calibration, precision-recall curve and the most confident errors."""
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    columns = {
        name: test[name] for name in ("file", "line", spec.request_inputs[0]) if name in test
    }
    errors.mistakes(columns, outputs.probabilities, outputs.predicted, targets, labels, folder, 10)
