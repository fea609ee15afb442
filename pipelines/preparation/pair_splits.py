"""Which sentence pairs are train, val and test."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import split_checks, splits
from pipelines.preparation.sentence_pairs import Pairs
from pipelines.preparation.split_checks import Overlap
from pipelines.preparation.splits import SPLITS, RandomSplit
from pipelines.preparation.validation import Place
from pipelines.preprocessing import near_duplicates


def drop_duplicates(source: Path, pairs: Pairs) -> Pairs:
    """The first of equal pairs. A source with several translations is no duplicate."""
    first: dict[tuple[str, str], int] = {}
    for row, pair in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        first.setdefault(tuple(map(near_duplicates.fingerprint, pair)), row)
    if len(first) < len(pairs):
        print(f"{source}: {len(pairs) - len(first)} duplicates dropped, {len(first)} pairs kept")
    return pairs.take(list(first.values()))


def split_pairs(
    options: RandomSplit, pairs: Pairs, source: Path, seed: int
) -> list[dict[str, Pairs]]:
    """Random splits; pairs with near-duplicate sources stay together."""
    rows, one_class = np.arange(len(pairs)), np.zeros(len(pairs), np.int64)
    groups = near_duplicates.group_near_duplicates(pairs.sources)
    sizes = {
        split: splits.split_size(getattr(options, split), len(pairs), f"split.{split}")
        for split in ("test", "val")
    }
    repeats = []
    for repeat in range(options.repeats):
        rng = np.random.default_rng([seed, repeat])
        drawn = splits.hold_out(rows, one_class, groups, sizes, rng)
        for split in SPLITS:
            if not len(drawn[split]):
                raise UserError(
                    "split-size",
                    f"no pair is left for {split}; make the other splits smaller, or add pairs "
                    "that are no near-duplicates",
                    path=source, key="split", value=split,
                )  # fmt: skip
        repeats.append({split: pairs.take(drawn[split]) for split in SPLITS})
    return repeats


def settle_overlap(
    source: Path, pairs_of: dict[str, Pairs], places_of: Mapping[str, Sequence[Place]],
    overlap: Overlap,
) -> tuple[dict[str, Pairs], np.ndarray]:  # fmt: skip
    """The pairs, and which test sources are also in train.

    Args:
        source: for messages.
        pairs_of: split -> its pairs.
        places_of: split -> the place of each pair's source sentence, for errors.
        overlap: what to do where a source is in two splits: refuse | report | drop.
    """
    fingerprints = {
        split: np.array([near_duplicates.fingerprint(text) for text in pairs.sources])
        for split, pairs in pairs_of.items()
    }
    if overlap == "refuse":
        split_checks.require_disjoint(
            {split: (places_of[split], fingerprints[split]) for split in pairs_of}
        )
    if overlap == "drop":
        keys = np.concatenate(list(fingerprints.values()))
        ends = np.cumsum([len(pairs) for pairs in pairs_of.values()])
        rows_of = {
            split: np.arange(end - len(pairs), end)
            for (split, pairs), end in zip(pairs_of.items(), ends, strict=True)
        }
        remaining = split_checks.without_overlap(source, rows_of, keys)
        pairs_of = {
            split: pairs.take(remaining[split] - rows_of[split][0])
            for split, pairs in pairs_of.items()
        }
        fingerprints["train"] = keys[remaining["train"]]
    return pairs_of, np.isin(fingerprints["test"], fingerprints["train"])
