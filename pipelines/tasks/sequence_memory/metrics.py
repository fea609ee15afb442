"""What a model answers to sequences, and the metrics that are computed from it.

- loss: what the problems are scored by in the literature: of a number the squared error, of a class
  -log p in nats, of symbols the mean of -log p over all steps.
- accuracy: share of the classes that are right.
- digit_recall: share of right symbols among those that had to be remembered, the last steps. Not
  among all steps: the blanks before them are right without any memory.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.evaluation import bootstrap
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.tasks.sequence_memory.answers import kind_of, recalled_steps

weights = bootstrap.weights
SMALLEST = np.finfo(np.float64).eps  # of a probability: 36 nats at most


@dataclass(frozen=True)
class Outputs:
    """What is answered to the n sequences of a split.

    Args:
        values: numbers (n,), or probabilities (n, k) or (n, T, k).
        selection: the settings that validation selected, for people; "" where there are none.
    """

    values: np.ndarray
    selection: str = ""

    def save(self, folder: Path) -> None:
        arrays.write(folder, {"values": self.values})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        return cls(**arrays.read(folder))

    @property
    def predicted(self) -> np.ndarray:
        """Class ids (n,) or (n, T), of probabilities."""
        return self.values.argmax(axis=-1)

    @property
    def probabilities(self) -> np.ndarray:
        """As figures of classifiers name them."""
        return self.values


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting of the sequences; NaN where nothing was drawn."""
    total = weights.sum(axis=1, dtype=np.float64)
    undefined = np.full(len(total), np.nan)
    # einsum, not @: BLAS rounds differently by shape and number of threads.
    return {
        name: np.divide(
            np.einsum("bn,n->b", weights, values), total, out=undefined.copy(), where=total > 0
        )
        for name, values in row_values(outputs, test, spec).items()
    }


def row_values(outputs: Outputs, test: dict, spec: DataSpec) -> dict[str, np.ndarray]:
    """Each sequence's contribution to each metric, (n,) float64."""
    targets, kind = np.asarray(test[spec.target.name]), kind_of(spec)
    if kind == "number":
        return {"loss": np.square(outputs.values.astype(np.float64) - targets)}
    nats, correct = _nats(outputs.values, targets), outputs.predicted == targets
    if kind == "class":
        return {"loss": nats, "accuracy": correct.astype(np.float64)}
    recalled = correct[:, -recalled_steps(spec) :]
    return {"loss": nats.mean(axis=1), "digit_recall": recalled.mean(axis=1)}


def _nats(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """-log p of the target, in the shape of the targets."""
    of_target = np.take_along_axis(probabilities, targets[..., None].astype(np.int64), axis=-1)
    return -np.log(np.clip(of_target[..., 0].astype(np.float64), SMALLEST, 1))
