"""Which images are equal, and which are train, val and test where they have no class."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import splits
from pipelines.preparation.splits import HoldOut
from pipelines.preprocessing import image_decoding


def draw(
    source: Path, images: Sequence[np.ndarray], names: Sequence[str], given_splits: np.ndarray,
    options: HoldOut, seed: int, repeats: int = 1,
) -> list[dict[str, np.ndarray]]:  # fmt: skip
    """Numbers of the images of train, val and test, for each repeat.

    Args:
        source: for errors.
        images: pixels of each.
        names: of the files.
        given_splits: "train", "val" or "test" where the source says so, else "".
        options: the sizes of val and test, where the source does not give them.
        seed: of the random draws.
        repeats: how many independent splits.

    Raises:
        UserError: `split-overlap`, where the source has an image in two splits.
    """
    rows, count = np.arange(len(names)), len(names)
    groups = find_duplicates(images)
    given = {split: rows[given_splits == split] for split in ("val", "test")}
    given = {split: members for split, members in given.items() if len(members)}
    sizes = {
        split: splits.split_size(getattr(options, split), count, f"split.{split}")
        for split in ("test", "val")
        if split not in given
    }
    rest = np.setdiff1d(rows, np.concatenate([rows[:0], *given.values()]))
    drawn = []
    for number in range(repeats):
        rng = np.random.default_rng([seed, number])
        rows_of = given | splits.hold_out(rest, np.zeros(count), groups, sizes, rng)
        if shared := in_two_splits(rows_of, groups):
            (first_split, first_row), (split, row) = shared
            raise UserError(
                "split-overlap",
                f"{names[first_row]} ({first_split}) and {names[row]} ({split}) are the same image "
                "in two splits; remove one of them",
                path=source, value=names[row],
            )  # fmt: skip
        drawn.append({split: rows_of[split] for split in splits.SPLITS})
    return drawn


def find_duplicates(images: Sequence[np.ndarray]) -> np.ndarray:
    """A number for each image, the same for images with equal pixels."""
    fingerprints = [image_decoding.fingerprint(image) for image in images]
    return np.unique(fingerprints, return_inverse=True)[1]


def in_two_splits(
    rows_of: Mapping[str, np.ndarray], duplicate_ids: np.ndarray
) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """(split, row) of two equal images in different splits, the first that there are."""
    first: dict[int, tuple[str, int]] = {}
    for split, rows in rows_of.items():
        for row in rows.tolist():
            original = first.setdefault(int(duplicate_ids[row]), (split, row))
            if original[0] != split:
                return original, (split, row)
    return None
