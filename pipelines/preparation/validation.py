"""Checks of labels, of what is in which part, and of prepared arrays against their spec."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.config.errors import UserError, one_of

if TYPE_CHECKING:
    import numpy as np

    from pipelines.spec import DataSpec, Field


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
    """Checks that prepared arrays are what the spec promises.

    Inputs and target have the field's shape and dtype, are finite, and their ids and classes are
    in range; every request input is there.

    Raises:
        UserError: with the array's path, and the row where one row is at fault.
    """
    fields = {**spec.inputs, spec.target.name: spec.target}
    for name in (*fields, *spec.request_inputs):
        if name not in columns:
            raise UserError(
                "array-missing", f"no such array; there are: {', '.join(sorted(columns))}",
                path=path, key=name,
            )  # fmt: skip
    for name, field in fields.items():
        _within_field(path / f"{name}.npy", columns[name], field)


def _within_field(path: Path, array: "np.ndarray", field: "Field") -> None:
    import numpy as np

    if array.shape[1:] != field.shape or str(array.dtype) != field.dtype:
        shape = [array.dtype.name, *array.shape[1:]]
        raise UserError(
            "array-mismatch",
            f"{array.dtype}{list(array.shape[1:])} a row, "
            f"but the spec requires {field.dtype}{list(field.shape)}",
            path=path, value=shape,
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
