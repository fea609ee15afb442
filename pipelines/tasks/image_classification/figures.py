"""Figures and tables of an image classifier, and of what it has learned."""

from pathlib import Path

import numpy as np

from pipelines.figures import attention, classification, errors, images, networks
from pipelines.spec import DataSpec


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Confusion matrix, calibration, confident errors; filters, feature maps and attention."""
    (name,) = spec.inputs
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    rows = errors.mistakes(
        {"file": test["file"]}, outputs.probabilities, outputs.predicted, targets, labels, folder
    )
    pixels = test[name]
    images.mistakes(pixels, rows, folder)
    examples = images.examples(targets, outputs.predicted)
    networks.kernels(model, folder)
    networks.feature_maps(model, np.asarray(pixels[examples[0]]), folder)
    attention.rollout(
        model, np.stack([pixels[row] for row in examples]),
        [(labels[targets[row]], labels[outputs.predicted[row]]) for row in examples], folder,
    )  # fmt: skip
    attention.positions(model, folder)
