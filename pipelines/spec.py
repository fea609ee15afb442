"""DataSpec: the contract between prepared data and models.

`prepare` writes it, every builder reads it. The data dictates its content (shapes, number of
classes, vocabulary sizes); a person chooses hyperparameters in params.yaml; nothing is in both.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.config import errors

SCHEMA_VERSION = 1  # of spec.json; raised when its keys or their meaning change
KINDS = ("ids", "class", "image", "video", "audio", "real")


@dataclass(frozen=True)
class Field:
    """One named array, described by what a row of it holds.

    Args:
        shape: of a row, without the batch axis.
        dtype: numpy's name.
        unit: what a number means: "token id", "intensity, 0 to 255", "degC".
        size: the number of distinct ids or classes; values lie in 0 to size - 1.
        kind: "ids" (numbers of tokens), "class" (of classes: one a row, or one a position or pixel,
            which is a mask), "image", "video", "audio" or "real" (measurements).
        padded: rows end in padding, id 0, and may be cut to the longest of a batch. For ids alone.
        any_size: a model must take images of any height and width; those of the test split have
            their own, and rows of train and val are tiles of this shape. For images and masks.
    """

    shape: tuple[int, ...]
    dtype: str
    unit: str
    size: int | None = None
    kind: str = "real"
    padded: bool = False
    any_size: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}; {errors.one_of(self.kind, KINDS)}")
        if self.kind in ("ids", "class") and self.size is None:
            raise ValueError(f"a field of kind {self.kind!r} needs a size")
        if self.padded and (self.kind != "ids" or not self.shape):
            raise ValueError("only rows of ids can be padded")
        if self.any_size and len(self.shape) < 2:
            raise ValueError("only images and masks have a height and a width")

    @classmethod
    def token_ids(cls, positions: int, size: int, **more) -> "Field":
        """Padded rows of token ids, (positions,)."""
        return cls((positions,), "int32", "token id", size, kind="ids", padded=True, **more)

    @property
    def open_shape(self) -> tuple[int | None, ...]:
        """The shape that a model is built for: padded rows may come in any length, images in any
        size."""
        if self.any_size:
            return (None, None, *self.shape[2:])
        return (None, *self.shape[1:]) if self.padded else self.shape


@dataclass(frozen=True, kw_only=True)
class Target(Field):
    """What a model learns to predict: a class, a class or id a position, numbers.

    Args:
        name: of the array.
    """

    name: str

    @classmethod
    def class_id(cls, name: str, classes: int, shape: tuple[int, ...] = ()) -> "Target":
        """A class a row; with a shape, a class a position or pixel."""
        return cls(shape, "int32", "class id", classes, kind="class", name=name)


@dataclass(frozen=True)
class DataSpec:
    """What a model must accept and produce.

    Args:
        inputs: the Keras inputs by name.
        target: what is predicted.
        outputs: how many numbers a model returns for a row, or for a position.
        request_inputs: names of the arrays that hold what a client sends (texts, files; never
            tokens); these names become the serving API.
        labels: class names by id, empty for tasks without classes.
        positive: the label whose detection is measured in binary tasks.
        repeats: the number of independent train/val/test splits.
        digests: sha256 of each split's arrays, keyed "repeat0/train".
        task_metadata: what else the task needs to know of the data, as JSON values; the recipe
            documents it. Where a value comes from the train rows and there are several repeats,
            "of_repeats" has the values of each, and the others are those of the first.
    """

    inputs: dict[str, Field]
    target: Target
    outputs: int
    request_inputs: tuple[str, ...]
    labels: tuple[str, ...] = ()
    positive: str | None = None
    repeats: int = 1
    digests: dict[str, str] = field(default_factory=dict)
    task_metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def positive_id(self) -> int | None:
        return None if self.positive is None else self.labels.index(self.positive)

    def of_repeat(self, repeat: int) -> "DataSpec":
        """As a model of this repeat may know it: with values that come from its own train rows."""
        values = self.task_metadata.get("of_repeats")
        if values is None:
            return self
        return replace(self, task_metadata={**self.task_metadata, **values[repeat]})

    def save(self, path: Path) -> None:
        values = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "DataSpec":
        """The spec in a file.

        Raises:
            UserError: no such file, or one that another version of this code wrote.
        """
        errors.existing(path, "run `dvc repro`, whose stage prepare writes it")
        values = json.loads(path.read_text("utf-8"))
        version = values.pop("schema_version", None)
        if version != SCHEMA_VERSION:
            raise errors.UserError(
                "schema-version-unknown",
                f"written in version {version} of the format, this code reads version "
                f"{SCHEMA_VERSION}; run `dvc repro`, whose stage prepare writes it again",
                path=path, key="schema_version", value=version,
            )  # fmt: skip
        inputs = {name: Field(**_with_tuple(entry)) for name, entry in values["inputs"].items()}
        target = Target(**_with_tuple(values["target"]))
        tuples = {name: tuple(values[name]) for name in ("labels", "request_inputs")}
        return cls(**{**values, **tuples, "inputs": inputs, "target": target})


def _with_tuple(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "shape": tuple(entry["shape"])}
