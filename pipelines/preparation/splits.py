"""How rows are divided into train, val and test: the only place where it is done."""

from typing import Annotated

import numpy as np
from pydantic import Field

from pipelines.config.errors import UserError

Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]  # what `part_size` takes, as an option


def part_size(asked: float, rows: int, name: str) -> int:
    """Rows asked for: a fraction of all (below 1) or a number of rows."""
    size = round(asked * rows) if asked < 1 else int(asked)
    if not 0 < size < rows:
        raise UserError(f"{name}: {asked:g} asks for {size} rows, and there are {rows} in all")
    return size


def carve(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Takes about `size` of the rows away, stratified by label, whole groups together.

    rows: row numbers to choose from. labels, groups: of every row, indexed by row number.
    Returns (rest, taken), each in ascending order. A group belongs to the label of its first
    row. Each label gives its share rounded, so the total can differ from `size` by a few rows.
    """
    taken: list[int] = []
    first = {group: row for row, group in zip(rows[::-1], groups[rows][::-1], strict=True)}
    members: dict[int, list[int]] = {group: [] for group in first}
    for row in rows:
        members[groups[row]].append(row)
    for label in np.unique(labels[rows]):
        own = np.array([group for group, row in first.items() if labels[row] == label])
        share = round(size * np.mean(labels[rows] == label))
        count = 0
        for group in own[rng.permutation(len(own))]:
            if count + len(members[group]) <= share:
                taken += members[group]
                count += len(members[group])
    chosen = np.isin(rows, taken)
    return rows[~chosen], rows[chosen]


def fold_of(labels: np.ndarray, groups: np.ndarray, folds: int, rng: np.random.Generator):
    """A fold number for every row: stratified by label, whole groups in one fold."""
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    fold = np.zeros(len(first), np.int64)
    dealt = 0  # each label goes on where the one before stopped, so that folds are of one size
    for label in np.unique(labels):
        own = np.flatnonzero(labels[first] == label)
        fold[own[rng.permutation(len(own))]] = (dealt + np.arange(len(own))) % folds
        dealt += len(own)
    return fold[group_of]


def chronological(rows: int, val: float, test: float) -> dict[str, tuple[int, int]]:
    """(first row, row after the last) of each part of a series: train, then val, then test."""
    val_rows, test_rows = (
        part_size(asked, rows, f"split.{part}") for part, asked in (("val", val), ("test", test))
    )
    begin = rows - val_rows - test_rows
    if begin < 1:
        raise UserError(f"split: val and test take {val_rows} and {test_rows} of {rows} rows, all")
    return {"train": (0, begin), "val": (begin, rows - test_rows), "test": (rows - test_rows, rows)}
