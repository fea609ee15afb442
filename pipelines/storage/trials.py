"""A trial is one fit of an experiment: one repeat of the train/val/test split and one seed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.config.file_names import BEST_EPOCH as BEST_EPOCH
from pipelines.storage import arrays
from pipelines.storage.repeated import Repeated

if TYPE_CHECKING:
    from pipelines.spec import DataSpec

MODEL = "model.keras"  # of a network
ESTIMATOR = "estimator"  # of a classical model: a folder of arrays and JSON files
DESCRIPTION = "estimator.json"  # in it: {"module", "build"}, the arguments of `models.build`


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


def of(spec: "DataSpec", seeds: list[int]) -> list[Trial]:
    """Every seed on every repeat."""
    return [Trial(repeat, seed) for repeat in range(spec.repeats) for seed in seeds]


def best(folders: Iterable[Path]) -> Path:
    """The trial's folder whose model is the best on validation; of equals the first.

    By the metric that the task monitors, as `train` wrote it.
    """
    return min(folders, key=_rank)


def _rank(folder: Path) -> float:
    values = json.loads((folder / BEST_EPOCH).read_text("utf-8"))
    monitor = values["monitor"]
    return values[monitor["metric"]] * (1 if monitor["mode"] == "min" else -1)


def inputs(columns: dict, spec: "DataSpec") -> dict:
    """The columns that a model reads, by the names of its inputs; repeated values as arrays."""
    named = {name: columns[name] for name in spec.inputs}
    return {
        name: np.asarray(column) if isinstance(column, Repeated) else column
        for name, column in named.items()
    }


def requests(columns: dict, spec: "DataSpec") -> dict:
    """The columns that a classical model reads: inputs and what a client sends, no targets."""
    names = dict.fromkeys((*spec.inputs, *spec.request_inputs))
    return {name: columns[name] for name in names if name in columns}


def write_json(path: Path, values: Mapping, *, sort_keys: bool = False) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False, sort_keys=sort_keys)
    path.write_text(text + "\n", "utf-8")
