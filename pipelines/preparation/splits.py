"""How rows are split into train, val and test: the only place where it is done.

The option classes are what a recipe accepts under `split`. The policies behind them: what the
source gives stays as it is; `hold_out` draws val and test at random, stratified by label and with
whole groups together; `assign_folds` is cross-validation; `chronological` is for time series.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, Field

from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count

SPLITS = ("train", "val", "test")
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]  # what `split_size` takes, as an option


class HoldOut(BaseModel):
    """val and test: a fraction of all rows when below 1, otherwise a number of rows."""

    model_config = STRICT
    val: Share = 0.15
    test: Share = 0.15


class ChronologicalSplit(HoldOut):
    """The last `test` rows, and the `val` rows before them."""

    test: Share = 0.2


class RandomSplit(HoldOut):
    """repeats: number of independent splits."""

    repeats: Count = 1


class ImageSplit(RandomSplit):
    """train_per_class, val_per_class: keep only so many images of each class."""

    train_per_class: Count | None = None
    val_per_class: Count | None = None


class MaskSplit(RandomSplit):
    """method: random, or folds: cross-validation over blocks of neighbouring images, in the order
    of their names. folds: how many, with method: folds."""

    method: Literal["random", "folds"] = "random"
    folds: Annotated[int, Field(strict=True, ge=2)] = 5


class TextSplit(RandomSplit):
    """method: random (near-duplicates stay together), file_order (the last rows are test, as in
    some published protocols) or folds (cross-validation). folds: how many, with method: folds."""

    method: Literal["random", "file_order", "folds"] = "random"
    folds: Annotated[int, Field(strict=True, ge=2)] = 10


def _all_or_train(sources: dict) -> dict:
    if ("all" in sources) == ("train" in sources):
        raise ValueError("give either `all`, to be split here, or `train`")
    if "all" in sources and len(sources) > 1:
        raise ValueError("`all` is split here; `val` and `test` go with `train`")
    return sources


T, Row = TypeVar("T"), TypeVar("Row")
SplitSources = Annotated[
    dict[Literal["all", "train", "val", "test"], T], AfterValidator(_all_or_train)
]  # the option that says which file or folder holds which split


def sample(source: Path, rows: Sequence[Row], size: int | None, seed: int) -> Sequence[Row]:
    """At most `size` rows, drawn at random, in their order; None: all.

    Args:
        source: for messages.
        rows: of the source.
        size: the option `sample_rows`.
        seed: of the draw.
    """
    if size is None or size >= len(rows):
        return rows
    rng = np.random.default_rng([seed, len(rows), size])
    drawn = np.sort(rng.choice(len(rows), size, replace=False))
    print(f"{source}: {size} of {len(rows)} rows, drawn at random (sample_rows)")
    return [rows[row] for row in drawn.tolist()]


def split_size(requested: float, rows: int, key: str) -> int:
    """Number of rows of a split, from a fraction of all rows (below 1) or a number of rows.

    Args:
        requested: the option's value.
        rows: number of all rows.
        key: the option's name, for the error.

    Raises:
        UserError: there would be no row in the split or none outside it.
    """
    size = round(requested * rows) if requested < 1 else int(requested)
    if not 0 < size < rows:
        raise UserError(
            "split-size",
            f"{requested:g} asks for {size} rows, and there are {rows} in all; choose a size "
            "between",
            key=key, value=requested,
        )  # fmt: skip
    return size


def hold_out(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, sizes: Mapping[str, int],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Draws the splits of `sizes` in its order; what is left is "train".

    Args: as of `stratified_group_split`, and sizes: split -> number of rows.
    """
    drawn = {}
    for split, size in sizes.items():
        rows, drawn[split] = stratified_group_split(rows, labels, groups, size, rng)
    return {"train": rows, **drawn}


def stratified_group_split(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws about `size` of the rows, stratified by label, whole groups together.

    A group belongs to the label of its first row. Each label gives its share, rounded, so the
    total can differ from `size` by a few rows.

    Args:
        rows: row numbers to draw from.
        labels: of every row, indexed by row number.
        groups: of every row, indexed by row number.
        size: number of rows to draw.
        rng: decides which.

    Returns:
        (remaining, drawn), each in ascending order.
    """
    drawn: list[int] = []
    first = {group: row for row, group in zip(rows[::-1], groups[rows][::-1], strict=True)}
    members: dict[int, list[int]] = {group: [] for group in first}
    for row in rows:
        members[groups[row]].append(row)
    for label in np.unique(labels[rows]):
        candidates = np.array([group for group, row in first.items() if labels[row] == label])
        share = round(size * np.mean(labels[rows] == label))
        count = 0
        for group in candidates[rng.permutation(len(candidates))]:
            if count + len(members[group]) <= share:
                drawn += members[group]
                count += len(members[group])
    is_drawn = np.isin(rows, drawn)
    return rows[~is_drawn], rows[is_drawn]


def assign_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, rng: np.random.Generator
) -> np.ndarray:
    """A fold number for every row: stratified by label, whole groups in one fold."""
    _, first, group_of_row = np.unique(groups, return_index=True, return_inverse=True)
    fold_of_group = np.zeros(len(first), np.int64)
    assigned = 0  # each label continues where the previous one stopped: folds of equal size
    for label in np.unique(labels):
        candidates = np.flatnonzero(labels[first] == label)
        numbers = (assigned + np.arange(len(candidates))) % folds
        fold_of_group[candidates[rng.permutation(len(candidates))]] = numbers
        assigned += len(candidates)
    return fold_of_group[group_of_row]


def consecutive_folds(rows: int, folds: int, val: float) -> list[dict[str, np.ndarray]]:
    """Row numbers of the splits of each fold, where neighbouring rows are alike.

    Test is a block of neighbours, val the rows behind it, and train all others; behind the last row
    comes the first.

    Raises:
        UserError: fewer rows than folds, or no row left for train.
    """
    if folds > rows:
        raise UserError(
            "split-size", f"{folds} folds of {rows} rows; choose fewer", key="split.folds",
            value=folds,
        )  # fmt: skip
    splits = []
    for test in np.array_split(np.arange(rows), folds):
        rest = np.roll(np.arange(rows), -test[-1] - 1)[: rows - len(test)]
        size = split_size(val, len(rest), "split.val")
        splits.append({"train": np.sort(rest[size:]), "val": rest[:size], "test": test})
    return splits


def subsample_per_class(
    rows: np.ndarray, targets: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """At most `count` rows of each class, drawn at random, in ascending order."""
    shuffled = rows[rng.permutation(len(rows))]
    samples = [shuffled[targets[shuffled] == label][:count] for label in np.unique(targets[rows])]
    return np.sort(np.concatenate(samples))


def chronological(rows: int, val: float, test: float) -> dict[str, tuple[int, int]]:
    """(first row, row after the last) of each split of a series: train, then val, then test.

    Raises:
        UserError: val and test leave no row for train.
    """
    val_rows, test_rows = split_size(val, rows, "split.val"), split_size(test, rows, "split.test")
    begin = rows - val_rows - test_rows
    if begin < 1:
        raise UserError(
            "split-size",
            f"val and test take {val_rows} and {test_rows} of {rows} rows, which leaves none for "
            "train; make them smaller",
            key="split", value={"val": val, "test": test},
        )  # fmt: skip
    return {"train": (0, begin), "val": (begin, rows - test_rows), "test": (rows - test_rows, rows)}
