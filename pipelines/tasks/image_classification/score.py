"""How good a picture classifier is, beside what it must beat, and what it looks at."""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import majority, predict, score
from pipelines.figures import attention, classification, errors, images, networks
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification import baselines as reference
from pipelines.tasks.image_classification.reporting import STRONG

__all__ = ["baselines", "draw", "predict", "score", "weights"]


def baselines(train: dict, val: dict, test: dict, spec: DataSpec, seed: int) -> dict:
    """Outputs on the test rows of a trivial and of a strong classical method."""
    (name,) = spec.inputs
    (train_x, train_y), (val_x, val_y), (test_x, test_y) = (
        (np.asarray(part[name]), np.asarray(part[spec.target.name])) for part in (train, val, test)
    )
    return {
        "baseline_majority": majority(train_y, len(test_y), spec.outputs),
        STRONG: reference.kernel_svm((train_x, train_y), (val_x, val_y), test_x, seed),
    }


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Confusion, calibration, the surest mistakes; what the model has learned to see."""
    (name,) = spec.inputs
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    rows = errors.mistakes(
        {"file": test["file"]}, outputs.probabilities, outputs.predicted, targets, labels, folder
    )
    pictures = test[name]
    images.mistakes(pictures, rows, folder)
    shown = images.examples(targets, outputs.predicted)
    networks.kernels(model, folder)
    networks.feature_maps(model, np.asarray(pictures[shown[0]]), folder)
    attention.rollout(
        model, np.stack([pictures[row] for row in shown]),
        [(labels[targets[r]], labels[outputs.predicted[r]]) for r in shown], folder,
    )  # fmt: skip
    attention.positions(model, folder)
