"""Checks of labels, and of prepared arrays against their spec."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.config.errors import UserError, one_of
from pipelines.preparation.data_report import labels as label_report

if TYPE_CHECKING:
    import numpy as np

    from pipelines.spec import DataSpec, Field


class Place(NamedTuple):
    """Where a row comes from; line: None where the file is one row."""

    path: Path
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.path}" if self.line is None else f"{self.path}, line {self.line}"


def classes(path: Path, names: Sequence[str], positive: str | None) -> list[str]:
    """The class names in alphabetical order.

    Args:
        path: the source, for errors.
        names: of each row's class.
        positive: the label to detect, in two-class tasks.

    Raises:
        UserError: fewer than two classes, or a `positive` that does not fit them.
    """
    labels = sorted(set(names))
    for variants in label_report.variants(labels):
        print(f"{path}: warning: {_same_name(variants, names)}")
    if len(labels) < 2:
        raise UserError(
            "class-count",
            f"only one class, {labels[0]!r}; add rows of another one, or correct where labels are",
            path=path, value=labels[0],
        )  # fmt: skip
    if positive is not None and positive not in labels:
        raise UserError(
            "positive-missing",
            f"no row has the positive label {positive!r}; {one_of(positive, labels)}",
            path=path, key="positive", value=positive,
        )  # fmt: skip
    if positive is not None and len(labels) > 2:
        raise UserError(
            "class-count",
            f"`positive` is for two classes, found {len(labels)}: {', '.join(labels)}; remove "
            "`positive` or merge the other classes",
            path=path, key="positive", value=positive,
        )  # fmt: skip
    return labels


def _same_name(variants: Sequence[str], names: Sequence[str]) -> str:
    """A warning of labels that a reader may take for one, with their counts."""
    counts = Counter(names)
    shown = ", ".join(f"{ascii(label)} ({counts[label]} rows)" for label in variants)
    return (
        f"labels that differ only by case, spaces or look-alike letters are {len(variants)} "
        f"classes: {shown}; make them equal in the file if they are one"
    )


def require_consistent_labels(
    places: Sequence[Place], duplicate_ids: "np.ndarray", labels: Sequence[str]
) -> None:
    """Duplicates of one text must have one label.

    Args:
        places: of each row, for the error.
        duplicate_ids: a number for each row, which duplicates share.
        labels: of each row.
    """
    first: dict[int, int] = {}
    pairs = [
        (row, first.setdefault(duplicate_id, row))
        for row, duplicate_id in enumerate(duplicate_ids.tolist())
    ]
    conflicts = [(row, original) for row, original in pairs if labels[row] != labels[original]]
    if conflicts:
        row, original = conflicts[0]
        raise UserError(
            "label-conflict",
            f"same text as {places[original]}, but labelled {labels[row]!r} here and "
            f"{labels[original]!r} there, one of {len(conflicts)} such rows; correct them, or set "
            "conflicts: drop",
            path=places[row].path, line=places[row].line, value=labels[row],
        )  # fmt: skip


def within_spec(path: Path, columns: Mapping, spec: "DataSpec") -> None:
    """Checks that prepared arrays are what the spec promises.

    Inputs and target have the field's shape and dtype, are finite, and their ids and classes are
    in range; every request input is there, unless rows are tiles of images.

    Raises:
        UserError: with the array's path, and the row where one row is at fault.
    """
    fields = {**spec.inputs, spec.target.name: spec.target}
    requests = () if _are_tiles(columns, spec) else spec.request_inputs
    for name in (*fields, *requests):
        if name not in columns:
            raise UserError(
                "array-missing", f"no such array; there are: {', '.join(sorted(columns))}",
                path=path, key=name,
            )  # fmt: skip
    for name, field in fields.items():
        _within_field(path / f"{name}.npy", columns[name], field)


def _are_tiles(columns: Mapping, spec: "DataSpec") -> bool:
    from pipelines.storage.arrays import Images

    whole = spec.target.name in columns and isinstance(columns[spec.target.name], Images)
    return spec.target.any_size and not whole


def _within_field(path: Path, array: "np.ndarray", field: "Field") -> None:
    import numpy as np

    from pipelines.storage.arrays import Images, Repeated, Sequences

    shape: tuple[int, ...]
    if isinstance(array, Repeated):
        array = array.values
    if isinstance(array, Images) and field.any_size:  # each of a size of its own
        inner = {tuple(row) for row in array.shapes[:, 2:].tolist()}
        shape = (*field.shape[:2], *(max(inner) if len(inner) == 1 else ()))
        array = array.data
    elif isinstance(array, Sequences):  # rows of any length, of which the field has the longest
        longest = max(map(len, array))
        shape = (max(longest, *field.shape),)
        array = array.flat()
    else:
        shape = array.shape[1:]
    if shape != field.shape or str(array.dtype) != field.dtype:
        raise UserError(
            "array-mismatch",
            f"{array.dtype}{list(shape)} a row, "
            f"but the spec requires {field.dtype}{list(field.shape)}",
            path=path, value=[array.dtype.name, *shape],
        )  # fmt: skip
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise UserError(
            "value-not-finite", f"row {row} has NaN or infinite values; correct or remove it",
            path=path, value=row,
        )  # fmt: skip
    if field.size is None or not array.size:
        return
    low, high = array.min(), array.max()
    if low < 0 or high >= field.size:
        raise UserError(
            "value-out-of-range",
            f"values from {low} to {high}, but they must be in 0 to {field.size - 1}",
            path=path, value=int(low if low < 0 else high),
        )  # fmt: skip
