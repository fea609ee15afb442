"""Figures of a classifier of signals, each with its numbers in plots/*.csv."""

from pathlib import Path

import numpy as np

from pipelines.figures import classification
from pipelines.spec import DataSpec


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    draw_estimator(outputs, test, spec, decision, folder, model)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    targets = np.asarray(test[spec.target.name])
    classification.of_classifier(outputs, targets, spec, decision, folder)
