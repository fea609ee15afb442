"""How good a text classifier is, beside what it must beat."""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import majority, predict, score
from pipelines.figures import classification, errors
from pipelines.spec import DataSpec
from pipelines.tasks.text_classification import baselines as reference

__all__ = ["baselines", "draw", "predict", "score", "weights"]


def baselines(train: dict, val: dict, test: dict, spec: DataSpec, seed: int) -> dict:
    """Outputs on the test rows of a trivial and of strong classical methods."""
    (train_x, train_y), (val_x, val_y) = (
        (list(part[spec.request_inputs[0]]), np.asarray(part[spec.target.name]))
        for part in (train, val)
    )
    rows = len(test[spec.target.name])
    return {
        "baseline_majority": majority(train_y, rows, spec.outputs),
        **{
            f"baseline_{name}": outputs
            for name, outputs in reference.linear_ngrams(
                (train_x, train_y), (val_x, val_y), list(test[spec.request_inputs[0]]), seed
            ).items()
        },
    }


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Confusion matrix, calibration, precision-recall and the most confident mistakes."""
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    shown = {name: test[name] for name in ("file", "line", spec.request_inputs[0]) if name in test}
    errors.mistakes(shown, outputs.probabilities, outputs.predicted, targets, labels, folder, 10)
