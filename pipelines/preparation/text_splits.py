"""Which texts are train, val and test; what the source has split stays as it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import splits
from pipelines.preparation.splits import TextSplit, hold_out, split_size
from pipelines.preprocessing import near_duplicates


def split_texts(
    source: Path, options: TextSplit, texts: Sequence[str], given_splits: Sequence[str],
    targets: np.ndarray, seed: int,
) -> tuple[list[dict[str, np.ndarray]], np.ndarray | None]:  # fmt: skip
    """Row numbers of train, val and test, for each repeat; and a number by row that near-duplicates
    share, -1 where a row was not compared, None where no rows were.

    Args:
        source: for errors.
        options: how to split.
        texts: by row.
        given_splits: "val" or "test" for the rows that the source gives to these, by row; all
            other rows are split here.
        targets: label ids, by row.
        seed: of the random draws.
    """
    rows = np.arange(len(texts))
    given = {
        split: rows[np.array(given_splits) == split]
        for split in ("val", "test")
        if split in given_splits
    }
    _check_options(source, options, given)
    rest = np.setdiff1d(rows, np.concatenate([rows[:0], *given.values()]))
    if len(given) == 2:
        return [{"train": rest, **given}], None
    val_size = 0 if "val" in given else split_size(options.val, len(rows), "split.val")
    if options.method == "file_order":
        test_size = split_size(options.test, len(rows), "split.test")
        rng = np.random.default_rng(seed)
        before_test = hold_out(rows[:-test_size], targets, rows, {"val": val_size}, rng)
        return [{**before_test, "test": rows[-test_size:]}], None
    groups = np.full(len(rows), -1)
    groups[rest] = near_duplicates.group_near_duplicates([texts[row] for row in rest])
    if "test" in given:
        tests = [given["test"]] * options.repeats
    else:
        tests = _draw_tests(options, rest, targets, groups, seed)
    repeats = []
    for number, test_rows in enumerate(tests):
        train, val_rows = np.setdiff1d(rest, test_rows), given.get("val")
        if val_rows is None:
            rng = np.random.default_rng([seed, number, 1])
            train, val_rows = hold_out(train, targets, groups, {"val": val_size}, rng).values()
        repeats.append({"train": train, "val": val_rows, "test": test_rows})
    return repeats, groups


def _draw_tests(
    options: TextSplit, rows: np.ndarray, targets: np.ndarray, groups: np.ndarray, seed: int
) -> list[np.ndarray]:
    """The test rows of each repeat."""
    if options.method == "folds":
        rng = np.random.default_rng(seed)
        folds = splits.assign_folds(targets[rows], groups[rows], options.folds, rng)
        return [rows[folds == fold] for fold in range(options.folds)]
    size = split_size(options.test, len(targets), "split.test")
    return [
        hold_out(rows, targets, groups, {"test": size}, np.random.default_rng([seed, repeat]))[
            "test"
        ]
        for repeat in range(options.repeats)
    ]


def _check_options(source: Path, options: TextSplit, given: Mapping[str, np.ndarray]) -> None:
    """Refuses options that contradict the splits which the source gives."""
    conflicts = [split for split in given if split in options.model_fields_set]
    conflicts += ["method"] if given and options.method != "random" else []
    conflicts += ["repeats"] if len(given) == 2 and options.repeats > 1 else []
    if conflicts:
        value = getattr(options, conflicts[0])
        raise UserError(
            "split-conflict",
            f"{value} cannot be combined with splits that the source gives ({', '.join(given)}); "
            "remove one or the other",
            path=source, key=f"split.{conflicts[0]}", value=value,
        )  # fmt: skip
