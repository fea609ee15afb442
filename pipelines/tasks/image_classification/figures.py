"""Figures and tables of an image classifier, and of what it has learned."""

from pathlib import Path

import numpy as np

from pipelines.figures import attention, classification, errors, images, networks
from pipelines.spec import DataSpec


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Those of `draw_estimator`, and filters, feature maps and attention of the network."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    (name,) = spec.inputs
    targets, labels, pixels = np.asarray(test[spec.target.name]), spec.labels, test[name]
    examples = images.examples(targets, outputs.predicted)
    networks.kernels(model, folder)
    networks.feature_maps(model, np.asarray(pixels[examples[0]]), folder)
    attention.rollout(
        model, np.stack([pixels[row] for row in examples]),
        [(labels[targets[row]], labels[outputs.predicted[row]]) for row in examples], folder,
    )  # fmt: skip
    attention.positions(model, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Confusion matrix, calibration, confident errors."""
    (name,) = spec.inputs
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    rows = errors.mistakes(
        {"file": test["file"]}, outputs.probabilities, outputs.predicted, targets, labels, folder
    )
    images.mistakes(test[name], rows, folder)
