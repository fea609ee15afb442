"""Labelled images become splits on disk: duplicates, split, arrays; the same for every recipe.

A split holds image (height, width, channels) uint8, label int32, image_bytes (the encoded file, as
a client would send it), file (its name) and, in test, seen (is the same image in train?). Movies
are split in the same way: frames (T, height, width, channels), and video_bytes.

Duplicates are images with equal pixels at the size that models see. Near-duplicates (another crop,
another compression) are not detected: where images come in series, split them by folders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import Count
from pipelines.preparation import image_splits, label_names, split_checks, splits, validation
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report import images as image_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.label_names import LabelNames
from pipelines.preparation.splits import ImageSplit
from pipelines.storage import arrays

Size = Annotated[tuple[Count, Count], Field(strict=False)]  # height, width
TARGET = "label"
MAX_LISTED = 20  # dropped duplicates that are printed


class Reader(Protocol):
    """With which the files were decoded."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row: (height, width, channels), or (T, height, width, channels)."""
        ...

    def save(self, path: Path) -> None: ...


@dataclass(frozen=True)
class Medium:
    """What a row is.

    Args:
        name: in messages, and the kind of its field in the spec.
        field: of the decoded array.
        raw: the column of encoded files.
        asset: the file that the reader is stored in, for serving.
    """

    name: str
    field: str
    raw: str
    asset: str


IMAGE = Medium("image", "image", "image_bytes", "image.json")
MOVIE = Medium("video", "frames", "video_bytes", "video.json")


@dataclass(frozen=True)
class LabelledImages:
    """Rows of a data set.

    images: (rows, *shape) uint8, of the reader's shape. files: encoded. targets: label ids.
    given_splits: "train", "val" or "test" where the source says so, else "".
    """

    source: Path
    images: np.ndarray
    files: Sequence[bytes]
    names: Sequence[str]
    targets: np.ndarray
    labels: Sequence[str]
    given_splits: np.ndarray
    medium: Medium = IMAGE

    def take(self, rows: np.ndarray) -> "LabelledImages":
        return LabelledImages(
            self.source, self.images[rows], [self.files[row] for row in rows],
            [self.names[row] for row in rows], self.targets[rows], self.labels,
            self.given_splits[rows], self.medium,
        )  # fmt: skip

    def label(self, row: int) -> str:
        return self.labels[self.targets[row]]


class Labelled(Protocol):
    """A file of a class folder, or several that are one row."""

    @property
    def name(self) -> str: ...

    @property
    def split(self) -> str: ...

    @property
    def label(self) -> str: ...


def of_class_folders(
    source: Path, rows: Sequence[Labelled], images: Sequence[np.ndarray], files: list[bytes],
    class_names: LabelNames | None, positive: str | None, medium: Medium = IMAGE,
) -> LabelledImages:  # fmt: skip
    """What was read from class folders, with the ids of the classes.

    Args:
        source: for errors.
        rows: whose labels are the folders' names.
        images, files: of each row, decoded and encoded.
        class_names: of the folders, where they are not their names.
        positive: the label to detect, for two-class tasks.
        medium: what a row is.

    Raises:
        UserError: a folder without a class, or classes that make no task.
    """
    names = [label_names.class_name(row.label, class_names, source / row.name) for row in rows]
    labels = validation.classes(source, names, positive)
    ids = {label: number for number, label in enumerate(labels)}
    return LabelledImages(
        source=source,
        images=np.stack(images),
        files=files,
        names=[row.name for row in rows],
        targets=np.array([ids[name] for name in names], np.int32),
        labels=labels,
        given_splits=np.array([row.split for row in rows]),
        medium=medium,
    )


def write(
    data: LabelledImages, out: Path, reader: Reader, options: ImageSplit, seed: int,
    *, duplicates: Literal["drop", "keep"] = "drop",
    overlap: Literal["refuse", "report"] = "refuse",
    conflicts: Literal["refuse", "drop"] = "refuse", positive: str | None = None,
    report: Sequence[Finding] | None = None,
) -> spec.DataSpec:  # fmt: skip
    """Writes every repeat into out/repeat<i>/ and returns the spec that describes them.

    Args:
        data: all rows.
        out: an empty folder.
        reader: with which the images were decoded; stored as an asset for serving.
        options: how to split.
        seed: of the random draws.
        duplicates: drop | keep equal images.
        overlap: refuse | report images that are in two splits.
        conflicts: refuse | drop equal images with different labels.
        positive: the label to detect, for two-class tasks.
        report: findings on all rows; None: those on images are made here.
    """
    duplicate_ids = image_splits.find_duplicates(data.images)
    findings.write(out, findings.accepted(image_findings(data) if report is None else report))
    if duplicates == "drop":
        if conflicts == "drop":
            consistent = np.flatnonzero(~find_conflicts(data, duplicate_ids))
            data, duplicate_ids = data.take(consistent), duplicate_ids[consistent]
        unique = unique_rows(data, duplicate_ids)
        data, duplicate_ids = data.take(unique), duplicate_ids[unique]
    repeats = split_images(data, options, seed)
    for number, rows_of in enumerate(repeats):
        split_checks.require_all_classes(data.source, rows_of, data.targets, data.labels)
        if overlap == "refuse":
            require_disjoint(data, rows_of, duplicate_ids)
        seen = np.isin(duplicate_ids, duplicate_ids[rows_of["train"]])
        write_repeat(out / f"repeat{number}", data, rows_of, seen, reader)
    medium = data.medium
    field = spec.Field(reader.shape, "uint8", "intensity, 0 to 255", kind=medium.name)
    return spec.DataSpec(
        inputs={medium.field: field},
        target=spec.Target.class_id(TARGET, len(data.labels)), outputs=len(data.labels),
        request_inputs=(medium.raw,), labels=tuple(data.labels),
        positive=positive, repeats=len(repeats),
    )  # fmt: skip


def image_findings(data: LabelledImages) -> list[Finding]:
    """The data report on all rows, also those that are dropped."""
    labels = [data.label(row) for row in range(len(data.names))]
    return image_report.report(
        data.names, labels, data.files, data.given_splits.tolist(), pixels=data.images
    )


def find_conflicts(data: LabelledImages, duplicate_ids: np.ndarray) -> np.ndarray:
    """Which rows (bool) hold an image that also has another label."""
    pairs = np.unique(np.stack([duplicate_ids, data.targets], axis=1), axis=0)
    ids, label_counts = np.unique(pairs[:, 0], return_counts=True)
    has_conflict = np.isin(duplicate_ids, ids[label_counts > 1])
    for row in np.flatnonzero(has_conflict):
        print(f"dropped: {data.names[row]}: the same {data.medium.name} also has another label")
    return has_conflict


def unique_rows(data: LabelledImages, duplicate_ids: np.ndarray) -> np.ndarray:
    """One row of each image, that of the test split rather than that of train.

    Raises:
        UserError: equal images with different labels.
    """
    rank = {"test": 0, "val": 1, "train": 2, "": 3}
    order = sorted(range(len(duplicate_ids)), key=lambda row: (rank[data.given_splits[row]], row))
    first: dict[int, int] = {}
    for row in order:
        original = first.setdefault(int(duplicate_ids[row]), row)
        if data.targets[original] != data.targets[row]:
            raise UserError(
                "label-conflict",
                f"{data.names[row]} ({data.label(row)}) and {data.names[original]} "
                f"({data.label(original)}) are the same {data.medium.name}; remove one of them, or "
                "set conflicts: drop",
                path=data.source, value=data.names[row],
            )  # fmt: skip
    unique = np.array(sorted(first.values()))
    dropped = sorted(set(range(len(duplicate_ids))) - set(unique.tolist()))
    if dropped:
        print(
            f"{data.source}: {len(dropped)} duplicates dropped, "
            f"{len(unique)} {data.medium.name}s kept"
        )
        for row in dropped[:MAX_LISTED]:
            print(f"  {data.names[row]} = {data.names[first[int(duplicate_ids[row])]]}")
    return unique


def split_images(
    data: LabelledImages, options: ImageSplit, seed: int
) -> list[dict[str, np.ndarray]]:
    """Row numbers of train, val and test for each repeat; what the source has split stays so."""
    rows = np.arange(len(data.targets))
    given = {split: rows[data.given_splits == split] for split in ("val", "test")}
    given = {split: members for split, members in given.items() if len(members)}
    repeats = []
    for number in range(options.repeats):
        rng = np.random.default_rng([seed, number])
        rest = np.setdiff1d(rows, np.concatenate([rows[:0], *given.values()]))
        sizes = {
            split: splits.split_size(getattr(options, split), len(rows), f"split.{split}")
            for split in ("test", "val")
            if split not in given
        }
        drawn = given | splits.hold_out(rest, data.targets, rows, sizes, rng)
        for split in ("train", "val"):
            if (count := getattr(options, f"{split}_per_class")) is not None:
                drawn[split] = splits.subsample_per_class(drawn[split], data.targets, count, rng)
        repeats.append({split: drawn[split] for split in splits.SPLITS})
    return repeats


def require_disjoint(
    data: LabelledImages, rows_of: Mapping[str, np.ndarray], duplicate_ids: np.ndarray
) -> None:
    """No image is in two splits."""
    if shared := image_splits.in_two_splits(rows_of, duplicate_ids):
        (first_split, first_row), (split, row) = shared
        raise UserError(
            "split-overlap",
            f"{data.names[first_row]} ({first_split}) and {data.names[row]} ({split}) are "
            f"the same {data.medium.name} in two splits; set duplicates: drop, or overlap: report "
            "to score with and without them",
            path=data.source, value=data.names[row],
        )  # fmt: skip


def write_repeat(
    folder: Path, data: LabelledImages, rows_of: Mapping[str, np.ndarray], seen: np.ndarray,
    reader: Reader,
) -> None:  # fmt: skip
    (folder / "assets").mkdir(parents=True)
    reader.save(folder / "assets" / data.medium.asset)
    for split, rows in rows_of.items():
        subset = data.take(rows)
        columns = {
            data.medium.field: subset.images, data.medium.raw: subset.files,
            "file": subset.names, TARGET: subset.targets,
        }  # fmt: skip
        if split == "test":
            columns["seen"] = seen[rows]
        arrays.write(folder / split, columns)
