"""Checks of splits: all have all classes, and none shares a row with another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation.validation import Place

Overlap = Literal["refuse", "report", "drop"]


def require_all_classes(
    path: Path, splits: Mapping[str, np.ndarray], targets: np.ndarray, labels: Sequence[str],
    groups: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Every split has rows of every class.

    Args:
        path: the source, for the error.
        splits: split -> row numbers.
        targets: label ids by row number.
        labels: class names by id.
        groups: the number of each row's group, where rows of a group stay in one split; -1 of a
            row that may be in any.
    """
    for split, rows in splits.items():
        present = set(targets[rows].tolist())
        missing = [label for number, label in enumerate(labels) if number not in present]
        if missing:
            members = targets == labels.index(missing[0])
            count = int(members.sum())
            sizes = Counter([] if groups is None else groups[members].tolist())
            if 0 < len(sizes) < count and -1 not in sizes:
                cause = (
                    f": its {count} rows are {len(sizes)} groups of near-copies, the largest of "
                    f"{max(sizes.values())}, and near-copies stay in one split; add rows of that "
                    "class that differ, or remove the class"
                )
            else:
                cause = (
                    f" ({len(rows)} rows), it has {count} in all; add rows of that class or make "
                    "the split larger"
                )
            raise UserError(
                "class-missing", f"class {missing[0]!r} is missing from the {split} split{cause}",
                path=path, key=f"split.{split}", value=missing[0],
            )  # fmt: skip


def require_disjoint(
    places_and_keys: Mapping[str, tuple[Sequence[Place], np.ndarray]],
) -> None:
    """No key is in two splits.

    Args:
        places_and_keys: split -> (place of each row, for the error; key of each row).
    """
    for (split, (places, keys)), (later_split, (later_places, later_keys)) in combinations(
        places_and_keys.items(), 2
    ):
        place_of = dict(zip(keys.tolist(), places, strict=True))
        shared = [
            (place_of[key], place)
            for key, place in zip(later_keys.tolist(), later_places, strict=True)
            if key in place_of
        ]
        if shared:
            place, later_place = shared[0]
            raise UserError(
                "split-overlap",
                f"in {split}, and the same text as {later_place} in {later_split}; {len(shared)} "
                f"such rows; set overlap: drop to leave them out of {split}, or overlap: report to "
                "score with and without them",
                path=place.path, line=place.line, value=str(later_place),
            )  # fmt: skip


def without_overlap(
    source: Path, rows_of: Mapping[str, np.ndarray], keys: np.ndarray
) -> dict[str, np.ndarray]:
    """Rows of train and val that are in no later split; test stays as it is.

    Args:
        source: for messages.
        rows_of: split -> row numbers.
        keys: by row number; equal ones are the same text.
    """
    later = keys[rows_of["test"]]
    result = {"test": rows_of["test"]}
    for split in ("val", "train"):
        rows = rows_of[split]
        remaining = rows[~np.isin(keys[rows], later)]
        if len(remaining) < len(rows):
            print(f"{source}: {len(rows) - len(remaining)} {split} rows dropped (overlap: drop)")
        later = np.concatenate([later, keys[rows]])
        result[split] = remaining
    return {split: result[split] for split in rows_of}
