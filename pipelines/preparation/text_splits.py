"""Which texts train, which validate and which test; what a source divides stays divided."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import near_duplicates, splits
from pipelines.preparation.splits import Share


class Split(BaseModel):
    """method: random (near-copies stay together; `repeats` independent divisions), file_order
    (the last rows are test, as some published protocols have it) or folds (cross-validation).
    val and test: a fraction of all rows when below 1, otherwise a number of rows."""

    model_config = STRICT
    method: Literal["random", "file_order", "folds"] = "random"
    val: Share = 0.15
    test: Share = 0.15
    repeats: Count = 1
    folds: Annotated[int, Field(strict=True, ge=2)] = 10


def divide(
    source: Path, split: Split, texts: Sequence[str], parts: Sequence[str], targets, seed: int
) -> list[dict[str, np.ndarray]]:
    """Row numbers of train, val and test, for each independent division.

    parts: "val" or "test" for the rows that the source gives to these; the others are divided.
    """
    rows = np.arange(len(texts))
    given = {part: rows[np.array(parts) == part] for part in ("val", "test") if part in parts}
    _refuse_contradiction(source, split, given)
    rest = np.setdiff1d(rows, np.concatenate([rows[:0], *given.values()]))
    if len(given) == 2:
        return [{"train": rest, **given}]
    val = 0 if "val" in given else splits.part_size(split.val, len(rows), "split.val")
    if split.method == "file_order":
        test = splits.part_size(split.test, len(rows), "split.test")
        rng = np.random.default_rng(seed)
        train, val_rows = splits.carve(rows[:-test], targets, rows, val, rng)
        return [{"train": train, "val": val_rows, "test": rows[-test:]}]
    groups = np.zeros(len(rows), np.int64)
    groups[rest] = near_duplicates.near_groups([texts[row] for row in rest])
    if "test" in given:
        tests = [given["test"]] * split.repeats
    else:
        tests = _tests(split, rest, targets, groups, seed)
    divisions = []
    for number, test_rows in enumerate(tests):
        train, val_rows = np.setdiff1d(rest, test_rows), given.get("val")
        if val_rows is None:
            rng = np.random.default_rng([seed, number, 1])
            train, val_rows = splits.carve(train, targets, groups, val, rng)
        divisions.append({"train": train, "val": val_rows, "test": test_rows})
    return divisions


def _refuse_contradiction(source: Path, split: Split, given: Mapping) -> None:
    """What `split` asks for, and the parts that the source gives rule out."""
    asked = [part for part in given if part in split.model_fields_set]
    asked += ["method"] if given and split.method != "random" else []
    asked += ["repeats"] if len(given) == 2 and split.repeats > 1 else []
    if asked:
        value = getattr(split, asked[0])
        raise UserError(
            f"{source}: split.{asked[0]}: {value} does not go with parts that the source gives "
            f"({', '.join(given)}); remove one or the other"
        )


def _tests(split: Split, rows: np.ndarray, targets, groups, seed: int) -> list[np.ndarray]:
    """The rows to test on, one array a division."""
    if split.method == "folds":
        rng = np.random.default_rng(seed)
        numbers = splits.fold_of(targets[rows], groups[rows], split.folds, rng)
        return [rows[numbers == fold] for fold in range(split.folds)]
    size = splits.part_size(split.test, len(targets), "split.test")
    return [
        splits.carve(rows, targets, groups, size, np.random.default_rng([seed, repeat]))[1]
        for repeat in range(split.repeats)
    ]
