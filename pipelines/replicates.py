"""A replicate is one fit of an experiment: one split of the data, one random seed."""

from dataclasses import dataclass
from pathlib import Path

from pipelines import arrays
from pipelines.spec import DataSpec


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
    """The lowest that a fitted replicate reached, from its history."""
    rows = (folder / "history.csv").read_text("utf-8").splitlines()
    column = rows[0].split(",").index("val/loss")
    return min(float(row.split(",")[column]) for row in rows[1:])


def inputs(columns: dict, spec: DataSpec) -> dict:
    """The columns that a model reads, by the names of its inputs."""
    return {name: columns[name] for name in spec.inputs}
