"""DataSpec: the contract between prepared data and models.

`prepare` writes it, every builder reads it. The data dictates what stands here (shapes, number
of classes, vocabulary sizes); a person chooses hyperparameters in params.yaml; nothing is in both.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.config import errors


@dataclass(frozen=True)
class Field:
    """One named array of a row.

    shape: without the batch axis. dtype: numpy's name. unit: what a number in it means
    ("token id", "intensity", "degC"). size: for ids, how many distinct ids there are.
    """

    shape: tuple[int, ...]
    dtype: str
    unit: str
    size: int | None = None

    @property
    def padded(self) -> bool:
        """Whether rows end in padding, id 0, so that they may be cut to their longest."""
        return self.unit == "token id"

    @property
    def open_shape(self) -> tuple[int | None, ...]:
        """The shape that a model is built for: padded rows may come in any length."""
        return (None, *self.shape[1:]) if self.padded else self.shape


@dataclass(frozen=True)
class DataSpec:
    """What a model must accept and produce.

    inputs: the Keras inputs by name; these names become the serving API.
    target: name of the target array. outputs: how many numbers a model returns per row.
    labels: class names by id, empty for tasks without classes. positive: the label whose
    detection is measured in binary tasks. raw: the array of what a client sends (never tokens).
    repeats: how many independent train/val/test splits there are. digests: sha256 of each
    part's arrays, keyed "repeat0/train". facts: what else one kind of task needs to know of its
    data, as JSON values; the recipe says what.
    """

    inputs: dict[str, Field]
    target: str
    outputs: int
    raw: str
    labels: tuple[str, ...] = ()
    positive: str | None = None
    repeats: int = 1
    digests: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def positive_id(self) -> int | None:
        return None if self.positive is None else self.labels.index(self.positive)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "DataSpec":
        errors.existing(path, "run `dvc repro`, whose stage prepare writes it")
        values = json.loads(path.read_text("utf-8"))
        values["inputs"] = {
            name: Field(**{**entry, "shape": tuple(entry["shape"])})
            for name, entry in values["inputs"].items()
        }
        return cls(**{**values, "labels": tuple(values["labels"])})
