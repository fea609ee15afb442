"""A trial is one fit of an experiment: one repeat of the train/val/test split, one random seed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.spec import DataSpec
from pipelines.storage import arrays

BEST_EPOCH = "best_epoch.json"  # the row of history.csv whose weights the model has


@dataclass(frozen=True)
class Trial:
    """repeat: number of the independent split. seed: of initial weights and batch order."""

    repeat: int
    seed: int

    @property
    def name(self) -> str:
        return f"repeat{self.repeat}_seed{self.seed}"

    def load(self, prepared: Path, split: str) -> dict:
        """The arrays of a split ("train", "val" or "test") by name."""
        return arrays.read(prepared / f"repeat{self.repeat}" / split)

    def assets(self, prepared: Path) -> Path:
        return prepared / f"repeat{self.repeat}" / "assets"


def of(spec: DataSpec, seeds: list[int]) -> list[Trial]:
    """Every seed on every repeat."""
    return [Trial(repeat, seed) for repeat in range(spec.repeats) for seed in seeds]


def validation_loss(folder: Path) -> float:
    """Of the weights in the trial's model, as train wrote it."""
    return json.loads((folder / BEST_EPOCH).read_text("utf-8"))["val/loss"]


def best(folders: Iterable[Path]) -> Path:
    """The trial's folder whose model has the lowest validation loss; of equals the first."""
    return min(folders, key=validation_loss)


def inputs(columns: dict, spec: DataSpec) -> dict:
    """The columns that a model reads, by the names of its inputs."""
    return {name: columns[name] for name in spec.inputs}
