"""Outputs of a model as columns of a table, by the kinds that signature.json gives them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow

from pipelines.preprocessing import image_decoding

MAX_LABELS = 20  # with more, the probabilities of all classes are left out
PREFIX = "predicted_"
STEPPED = ("series", "quantiles")  # kinds with an axis of steps


@dataclass(frozen=True)
class Column:
    """name: in the file that is written. output: of the model. kind: of the output.
    place: which of the last axes' numbers, after the axis of steps; () takes all."""

    name: str
    output: str
    kind: str
    place: tuple[int, ...] = ()
    rank: int = 0  # axes of a row that are left
    is_text: bool = False

    @property
    def type(self) -> pyarrow.DataType:
        plain = pyarrow.string() if self.is_text else pyarrow.float64()
        for _ in range(0 if self.kind == "mask" else self.rank):
            plain = pyarrow.list_(plain)
        return plain


class Answers:
    """Rows of a table from a model's outputs.

    A column whose name is taken by one of the file's columns gets the prefix `predicted_`.

    Args:
        outputs: of the signature: name -> kind, dtype, shape.
        labels: class names by id.
        metadata: of the data set: `columns` and `quantiles` of a series.
        taken: names of the file's columns.
        masks: (folder to write masks into, its later name), for outputs of that kind.
    """

    def __init__(
        self, outputs: Mapping[str, Mapping], labels: Sequence[str], metadata: Mapping,
        taken: Sequence[str], masks: tuple[Path, str] | None = None,
    ):  # fmt: skip
        self.labels, self.metadata, self.masks = labels, metadata, masks
        self.left_out: list[str] = []
        self.renamed: dict[str, str] = {}
        order = sorted(outputs, key=lambda name: (_rank(outputs[name]), name))
        columns = [column for name in order for column in self._columns(name, outputs[name])]
        self.columns = [self._renamed(column, taken) for column in columns]
        self.has_steps = any(column.kind in STEPPED for column in columns)

    def _columns(self, name: str, tensor: Mapping) -> list[Column]:
        kind = str(tensor.get("kind"))
        is_text, rank = tensor["dtype"] == "string", max(len(tensor["shape"] or [None]) - 1, 0)
        if kind == "probabilities" and rank == 1:
            if not 0 < len(self.labels) <= MAX_LABELS:
                self.left_out.append(name)
                return []
            return [
                Column(f"probability_{label}", name, kind, (place,))
                for place, label in enumerate(self.labels)
            ]
        if kind == "values" and self.metadata.get("columns"):
            ends = enumerate(self.metadata["columns"])
            return [Column(f"{name}_{column}", name, kind, (n,)) for n, column in ends]
        if kind in STEPPED and self.metadata.get("columns"):
            return self._stepped(name, kind)
        return [Column(name, name, kind, rank=rank, is_text=is_text or kind == "mask")]

    def _stepped(self, name: str, kind: str) -> list[Column]:
        """A column for each of the series', and of the quantile levels."""
        series = self.metadata["columns"]
        ends = [""] if len(series) == 1 else [f"_{column}" for column in series]
        if kind == "series":
            return [Column(f"{name}{end}", name, kind, (n,)) for n, end in enumerate(ends)]
        return [
            Column(f"q{level:g}{end}", name, kind, (n, m))
            for n, end in enumerate(ends)
            for m, level in enumerate(self.metadata["quantiles"])
        ]

    def _renamed(self, column: Column, taken: Sequence[str]) -> Column:
        name = column.name
        while name in taken:
            name = f"{PREFIX}{name}"
        if name != column.name:
            self.renamed[column.name] = name
        return Column(name, *list(vars(column).values())[1:])

    def rows(self, place: str, outputs: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
        """The values of a row, or of each step of its forecast.

        Args:
            place: of the row in its source.
            outputs: name -> the row's values, without the axis of rows.
        """
        if not self.has_steps:
            yield {c.name: self._value(place, c, outputs[c.output]) for c in self.columns}
            return
        steps = next(len(outputs[c.output]) for c in self.columns if c.kind in STEPPED)
        for step in range(steps):
            yield {
                c.name: self._value(
                    place, c, outputs[c.output][step] if c.kind in STEPPED else outputs[c.output]
                )
                for c in self.columns
            }

    def _value(self, place: str, column: Column, values: np.ndarray) -> Any:
        if column.kind == "mask" and self.masks is not None:
            return self._mask(place, values)
        return plain(values[column.place] if column.place else values)

    def _mask(self, place: str, classes: np.ndarray | bytes) -> str:
        """The path of a PNG whose grey values or palette indices are class ids, relative to the
        table."""
        assert self.masks is not None
        folder, name = self.masks
        path = folder / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(classes, bytes):  # a PNG already
            path.write_bytes(classes)
        else:
            image = np.squeeze(classes).astype(np.uint8)[..., None]
            path.write_bytes(image_decoding.png(image))
        return f"{name}/{place}.png"


def _rank(tensor: Mapping) -> int:
    """Labels and texts first, then numbers, then what has more axes."""
    order = ("label", "text", "labels", "ranking", "mask", "alarm", "probability", "score",
             "number")  # fmt: skip
    kind = tensor.get("kind")
    return order.index(kind) if kind in order else len(order) + len(tensor["shape"] or ())


def plain(value: Any) -> Any:
    """Arrays as nested lists, bytes as text, and numbers with no more digits than they have."""
    if isinstance(value, np.ndarray) and value.ndim:
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value[()])
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.floating):
        return float(str(value))  # the shortest text of a float32, not all digits of its double
    return value.item() if isinstance(value, np.generic) else value


def as_cell(value: Any) -> str:
    """A value in a CSV file: lists as JSON, nothing for a missing one."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
