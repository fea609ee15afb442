"""A replicate is one fit of an experiment: one split of the data, one random seed."""

import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.spec import DataSpec
from pipelines.storage import arrays

KEPT = "kept.json"  # the epoch whose weights were kept, as a row of history.csv


@dataclass(frozen=True)
class Replicate:
    split: int
    seed: int

    @property
    def name(self) -> str:
        return f"split{self.split}_seed{self.seed}"

    def part(self, prepared: Path, part: str) -> dict:
        return arrays.read(prepared / f"split{self.split}" / part)

    def assets(self, prepared: Path) -> Path:
        return prepared / f"split{self.split}" / "assets"


def of(spec: DataSpec, seeds: list[int]) -> list[Replicate]:
    """Every seed on every split."""
    return [Replicate(split, seed) for split in range(spec.splits) for seed in seeds]


def validation_loss(folder: Path) -> float:
    """Of the weights that were kept, as train wrote it down."""
    return json.loads((folder / KEPT).read_text("utf-8"))["val/loss"]


def inputs(columns: dict, spec: DataSpec) -> dict:
    """The columns that a model reads, by the names of its inputs."""
    return {name: columns[name] for name in spec.inputs}
