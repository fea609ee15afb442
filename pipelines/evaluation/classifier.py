"""A classifier's outputs, the least of its baselines, and scores; the same for texts and images."""

from dataclasses import dataclass

import numpy as np

from pipelines.evaluation import classification
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec


@dataclass(frozen=True)
class Outputs:
    """probabilities: (n, classes). predicted: (n,) class ids. chosen: what validation chose."""

    probabilities: np.ndarray
    predicted: np.ndarray
    chosen: str = ""

    def columns(self) -> dict[str, np.ndarray]:
        """What is kept of them on disk."""
        return {"probabilities": self.probabilities, "predicted": self.predicted}


def predict(model, columns: dict, spec: DataSpec, decision: DecisionRule, assets=None) -> Outputs:
    """What the model says of a part's rows. Classes need no assets to be told."""
    logits = model.predict({name: columns[name] for name in spec.inputs}, batch_size=256, verbose=0)
    probabilities = decision.probabilities(logits)
    # The graph that is served answers in float32, so that is what is scored.
    return Outputs(probabilities.astype(np.float32), decision(probabilities))


def majority(targets: np.ndarray, rows: int, classes: int) -> Outputs:
    """The class shares of train as probabilities, the commonest class as answer."""
    shares = np.bincount(targets, minlength=classes) / len(targets)
    predicted = np.full(rows, shares.argmax(), np.int32)
    return Outputs(np.tile(shares, (rows, 1)), predicted)


def margins(machine, rows) -> np.ndarray:
    """(n, margins) of a fitted scikit-learn machine: of two classes one, else one a class."""
    found = machine.decision_function(rows)
    return found[:, None] if found.ndim == 1 else found


def score(outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric under every row weighting; see scoring.classification."""
    return classification.scores(
        outputs.probabilities, outputs.predicted, test[spec.target.name], weights, spec.positive_id
    )
