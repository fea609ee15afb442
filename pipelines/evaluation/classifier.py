"""A classifier's outputs and its scores; the same for texts and images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.evaluation import classification
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays, trials


@dataclass(frozen=True)
class Outputs:
    """What a classifier predicts for the rows of a split.

    Args:
        probabilities: (n, classes).
        predicted: (n,) class ids.
        selection: the settings that validation selected, for people; "" where there are none.
    """

    probabilities: np.ndarray
    predicted: np.ndarray
    selection: str = ""

    def save(self, folder: Path) -> None:
        """Writes all but the selection into a new folder."""
        columns = {"probabilities": self.probabilities, "predicted": self.predicted}
        arrays.write(folder, columns)

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        return cls(**arrays.read(folder))


def predict(model, columns: dict, spec: DataSpec, decision: DecisionRule, assets=None) -> Outputs:
    """The model's outputs for a split. assets: not needed by classifiers."""
    logits = model.predict(trials.inputs(columns, spec), batch_size=256, verbose=0)
    probabilities = decision.probabilities(logits)
    # The served graph answers in float32, so that is what is scored.
    return Outputs(probabilities.astype(np.float32), decision(probabilities))


def majority(targets: np.ndarray, rows: int, classes: int) -> Outputs:
    """The class frequencies of train as probabilities, and its most frequent class."""
    shares = np.bincount(targets, minlength=classes) / len(targets)
    predicted = np.full(rows, shares.argmax(), np.int32)
    return Outputs(np.tile(shares, (rows, 1)), predicted)


def score(outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric under every row weighting; see `pipelines.evaluation.classification`."""
    return classification.scores(
        outputs.probabilities, outputs.predicted, test[spec.target.name], weights, spec.positive_id
    )
