"""Outputs of a tagger and their score."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.spec import DataSpec
from pipelines.storage import arrays


@dataclass(frozen=True)
class Outputs:
    """predicted: (n, T) class ids. selection: how a baseline was selected."""

    predicted: np.ndarray
    selection: str = ""

    def save(self, folder: Path) -> None:
        arrays.write(folder, {"predicted": self.predicted})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        return cls(np.asarray(arrays.read(folder)["predicted"]))


def score(outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Share of right positions, under every row weighting."""
    right = (outputs.predicted == test[spec.target.name]).mean(axis=1)  # (n,)
    return {"accuracy": weights @ right / weights.sum(axis=1, dtype=np.int64)}
