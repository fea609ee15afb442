"""Checks of labels, of what is in which part, and of prepared arrays against their spec."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config.errors import UserError, one_of

if TYPE_CHECKING:
    import numpy as np

    from pipelines.spec import DataSpec


def classes(path: Path, names: Sequence[str], positive: str | None) -> list[str]:
    """The class names in alphabetical order."""
    labels = sorted(set(names))
    if len(labels) < 2:
        raise UserError(f"{path}: only one class, {labels[0]!r}; at least two are needed")
    if positive is not None and positive not in labels:
        raise UserError(
            f"{path}: no row has the positive label {positive!r}; {one_of(positive, labels)}"
        )
    if positive is not None and len(labels) > 2:
        raise UserError(
            f"{path}: `positive` is for two classes, found {len(labels)}: {', '.join(labels)}; "
            "remove `positive` or merge the other classes"
        )
    return labels


def consistent_labels(path: Path, where: Sequence[str], copies, names: Sequence[str]) -> None:
    """Copies of one text must carry one label. where: the place of each row, for the message."""
    first: dict[int, int] = {}
    for row, copy in enumerate(copies.tolist()):
        other = first.setdefault(copy, row)
        if names[other] != names[row]:
            raise UserError(
                f"{path}, {where[row]}: same text as {where[other]}, but labelled "
                f"{names[row]!r} there {names[other]!r}; mend one of them"
            )


def parts(path: Path, rows: Mapping[str, "np.ndarray"], targets: "np.ndarray", labels) -> None:
    """Every part has rows, and every class stands in every part."""
    for part, own in rows.items():
        present = set(targets[own].tolist())
        missing = [name for number, name in enumerate(labels) if number not in present]
        if missing:
            raise UserError(
                f"{path}: class {missing[0]!r} is missing from the {part} part ({len(own)} rows); "
                "add rows of that class or ask for a larger part in `split`"
            )


def disjoint(path: Path, keyed: Mapping[str, tuple[Sequence[str], "np.ndarray"]]) -> None:
    """No key stands in two parts. keyed: part -> (the place of each row, keys)."""
    for (one, (places, keys)), (other, (other_places, other_keys)) in combinations(
        keyed.items(), 2
    ):
        where = dict(zip(keys.tolist(), places, strict=True))
        shared = [
            (where[key], place)
            for key, place in zip(other_keys.tolist(), other_places, strict=True)
            if key in where
        ]
        if shared:
            raise UserError(
                f"{path}, {shared[0][0]} ({one}) and {shared[0][1]} ({other}): the same "
                f"text in two parts, {len(shared)} such rows; use duplicates: drop, or "
                "overlap: report to score with and without them"
            )


def within_spec(path: Path, columns: Mapping, spec: "DataSpec") -> None:
    """Prepared arrays are what the spec promises: shape, type, finite, ids in range."""
    import numpy as np

    fields = {name: (f.shape, f.dtype, f.size) for name, f in spec.inputs.items()}
    if spec.labels:
        fields[spec.target] = ((), "int32", len(spec.labels))
    for name, (shape, dtype, size) in fields.items():
        array = columns.get(name)
        if array is None:
            raise UserError(f"{path}: no array {name!r}; found: {', '.join(sorted(columns))}")
        if array.shape[1:] != shape or str(array.dtype) != dtype:
            raise UserError(
                f"{path}/{name}.npy: {array.dtype}{list(array.shape[1:])} a row, "
                f"but the spec says {dtype}{list(shape)}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise UserError(
                f"{path}/{name}.npy, row {row}: NaN or infinite; mend or remove the row"
            )
        if size is not None and array.size and not (array.min() >= 0 and array.max() < size):
            raise UserError(
                f"{path}/{name}.npy: values from {array.min()} to {array.max()}, "
                f"but they must lie in 0 to {size - 1}"
            )
