"""Labelled pictures become parts on disk: copies, division, arrays; the same for every recipe.

A part holds image (height, width, channels) uint8, label int32, image_bytes (the encoded file, what
a client would send), file (its name) and, in test, seen (does the same picture stand in train?).

Copies are pictures with equal pixels at the size that is learned from. Near-copies (another crop,
another compression) are not looked for: where pictures come in series, divide them by folders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import splits, validation
from pipelines.preparation.splits import Share
from pipelines.preprocessing import image_decoding
from pipelines.storage import arrays

Size = Annotated[tuple[Count, Count], Field(strict=False)]  # height, width
RAW, TARGET = "image_bytes", "label"


class Split(BaseModel):
    """val and test: a fraction of all rows when below 1, otherwise a number of rows; `repeats`
    independent divisions. train_per_class, val_per_class: keep only so many of each class."""

    model_config = STRICT
    val: Share = 0.15
    test: Share = 0.15
    repeats: Count = 1
    train_per_class: Count | None = None
    val_per_class: Count | None = None


@dataclass(frozen=True)
class Pictures:
    """Rows of a data set. part: "train", "val" or "test" where the source says so, else ""."""

    source: Path
    images: np.ndarray
    files: Sequence[bytes]
    names: Sequence[str]
    targets: np.ndarray
    labels: Sequence[str]
    part: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Pictures":
        return Pictures(
            self.source, self.images[chosen], [self.files[row] for row in chosen],
            [self.names[row] for row in chosen], self.targets[chosen], self.labels,
            self.part[chosen],
        )  # fmt: skip


def write(
    pictures: Pictures, out: Path, reader: image_decoding.Reader, split: Split, seed: int, *,
    duplicates: Literal["drop", "keep"] = "drop", overlap: Literal["refuse", "report"] = "refuse",
    conflicts: Literal["refuse", "drop"] = "refuse", positive: str | None = None,
) -> spec.DataSpec:  # fmt: skip
    """Every division into out/split<i>/, and the spec that describes them."""
    copies = copies_of(pictures.images)
    if duplicates == "drop":
        if conflicts == "drop":
            agreed = np.flatnonzero(~conflicting(pictures, copies))
            pictures, copies = pictures.rows(agreed), copies[agreed]
        kept = without_copies(pictures, copies)
        pictures, copies = pictures.rows(kept), copies[kept]
    divisions = divide(pictures, split, seed)
    for number, parts in enumerate(divisions):
        validation.parts(pictures.source, parts, pictures.targets, pictures.labels)
        if overlap == "refuse":
            disjoint(pictures, parts, copies)
        seen = np.isin(copies, copies[parts["train"]])
        write_division(out / f"repeat{number}", pictures, parts, seen, reader)
    shape = (reader.height, reader.width, reader.channels)
    return spec.DataSpec(
        inputs={"image": spec.Field(shape, "uint8", "intensity, 0 to 255", kind="image")},
        target=spec.Target.class_id(TARGET, len(pictures.labels)), outputs=len(pictures.labels),
        request_inputs=(RAW,), labels=tuple(pictures.labels),
        positive=positive, repeats=len(divisions),
    )  # fmt: skip


def copies_of(pictures: np.ndarray) -> np.ndarray:
    """A number for every picture; copies share one."""
    return np.unique([image_decoding.fingerprint(p) for p in pictures], return_inverse=True)[1]


def conflicting(pictures: Pictures, copies: np.ndarray) -> np.ndarray:
    """Which rows (bool) show a picture that also stands under another label."""
    pairs = np.unique(np.stack([copies, pictures.targets], axis=1), axis=0)
    found, labels = np.unique(pairs[:, 0], return_counts=True)
    rows = np.isin(copies, found[labels > 1])
    for row in np.flatnonzero(rows):
        print(f"dropped: {pictures.names[row]}: the same picture stands under another label")
    return rows


def without_copies(pictures: Pictures, copies: np.ndarray) -> np.ndarray:
    """Rows to keep: of each picture one, that of the test part rather than that of train."""
    rank = {"test": 0, "val": 1, "train": 2, "": 3}
    order = sorted(range(len(copies)), key=lambda row: (rank[str(pictures.part[row])], row))
    first: dict[int, int] = {}
    for row in order:
        other = first.setdefault(int(copies[row]), row)
        if pictures.targets[other] != pictures.targets[row]:
            one, two = (pictures.labels[pictures.targets[r]] for r in (row, other))
            raise UserError(
                f"{pictures.source}: {pictures.names[row]} ({one}) and {pictures.names[other]} "
                f"({two}) are the same picture; remove one of them, or set conflicts: drop"
            )
    kept = np.array(sorted(first.values()))
    gone = sorted(set(range(len(copies))) - set(kept.tolist()))
    if gone:
        print(f"{pictures.source}: {len(gone)} copies dropped, {len(kept)} pictures kept")
        for row in gone[:20]:
            print(f"  {pictures.names[row]} = {pictures.names[first[int(copies[row])]]}")
    return kept


def divide(pictures: Pictures, split: Split, seed: int) -> list[dict[str, np.ndarray]]:
    """Row numbers of train, val and test for each division; what the source divides stays so."""
    targets, each = pictures.targets, np.arange(len(pictures.targets))
    given = {part: each[pictures.part == part] for part in ("train", "val", "test")}
    divisions = []
    for number in range(split.repeats):
        rng = np.random.default_rng([seed, number])
        parts = {part: rows for part, rows in given.items() if len(rows)}
        rest = np.setdiff1d(each, np.concatenate([parts.get("val", []), parts.get("test", [])]))
        rest = rest.astype(np.int64)
        for part in ("test", "val"):
            if part not in parts:
                size = splits.part_size(getattr(split, part), len(each), f"split.{part}")
                rest, parts[part] = splits.carve(rest, targets, each, size, rng)
        parts["train"] = rest
        for part in ("train", "val"):
            if (most := getattr(split, f"{part}_per_class")) is not None:
                parts[part] = few(parts[part], targets, most, rng)
        divisions.append({part: parts[part] for part in ("train", "val", "test")})
    return divisions


def few(rows: np.ndarray, targets: np.ndarray, most: int, rng) -> np.ndarray:
    """At most so many rows of each class, drawn at random."""
    drawn = rows[rng.permutation(len(rows))]
    kept = [drawn[targets[drawn] == label][:most] for label in np.unique(targets[rows])]
    return np.sort(np.concatenate(kept))


def disjoint(pictures: Pictures, parts: Mapping[str, np.ndarray], copies: np.ndarray) -> None:
    """No picture stands in two parts."""
    owner: dict[int, tuple[str, int]] = {}
    for part, rows in parts.items():
        for row in rows.tolist():
            other, twin = owner.setdefault(int(copies[row]), (part, row))
            if other != part:
                raise UserError(
                    f"{pictures.source}: {pictures.names[twin]} ({other}) and "
                    f"{pictures.names[row]} ({part}) are the same picture in two parts; use "
                    "duplicates: drop, or overlap: report to score with and without them"
                )


def write_division(
    folder: Path, pictures: Pictures, parts, seen, reader: image_decoding.Reader
) -> None:
    (folder / "assets").mkdir(parents=True)
    reader.save(folder / "assets" / "image.json")
    for part, rows in parts.items():
        own = pictures.rows(rows)
        columns = {"image": own.images, RAW: own.files, "file": own.names, TARGET: own.targets}
        if part == "test":
            columns["seen"] = seen[rows]
        arrays.write(folder / part, columns)
