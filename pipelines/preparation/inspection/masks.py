"""A folder or zip of images and of masks with the same names: where they are, and their values."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from pipelines.preparation import mask_folders
from pipelines.preparation.data_report import masks as mask_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.inspection import tree
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preprocessing import mask_files
from pipelines.preprocessing.image_sizes import AnySizeReader

MASKS = re.compile(
    r".*(masks?|labels?|annotations?|segmentations?|ground_?truth|gt)", re.IGNORECASE
)
MATCHED = 0.9  # share of the images that must have a mask
MAX_SIDE = 512  # larger images are shrunk for models
TILES = (128, 96, 64, 48, 32, 16)  # multiples of 2^depth of the networks


@dataclass(frozen=True)
class Folders:
    """of_split: "train", ..., or "all" -> (folder of images, folder of masks). suffix: what a
    mask's name has behind that of its image. images: how many there are."""

    of_split: dict[str, tuple[str, str]]
    suffix: str
    images: int

    def reasons(self) -> list[str]:
        reasons = [f"{s}: masks of {one!r} in {two!r}" for s, (one, two) in self.of_split.items()]
        if self.suffix:
            reasons.append(f"mask_suffix: {self.suffix!r} is behind the names of the images")
        return reasons


@dataclass
class Masks:
    """Images with masks that a recipe can read."""

    rows: int
    folders: Folders
    labels: dict[int, str] | None  # class names by value, where 255 is one of them
    ignore: int | None
    channels: int
    tile: int
    max_side: int | None
    pixels: int  # of all images, as models see them
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def find_folders(names: Sequence[str]) -> Folders | None:
    """Folders of which one has masks of the other's images, by their names; None without any."""
    stems: dict[PurePosixPath, set[str]] = defaultdict(set)
    for name in names:
        path = PurePosixPath(name)
        stems[path.parent].add(path.stem)
    of_split: dict[str, tuple[str, str]] = {}
    suffixes, count = set(), 0
    for folder in sorted(stems):
        for images in _partners(folder, stems):
            suffix = _suffix(stems[images], stems[folder])
            if suffix is None:
                continue
            words = [part.casefold() for part in folder.parts]
            split = next((tree.SPLITS[word] for word in words if word in tree.SPLITS), "all")
            of_split[split] = images.as_posix(), folder.as_posix()
            suffixes.add(suffix)
            count += len(stems[images])
    if not of_split or len(suffixes) > 1 or count < len(names) / 3:
        return None
    return Folders(of_split, suffixes.pop(), count)


def _partners(folder: PurePosixPath, stems) -> list[PurePosixPath]:
    """Folders that differ from one of masks only in the part of its path that says so."""
    return [
        other
        for place, part in enumerate(folder.parts)
        if MASKS.fullmatch(part)
        for other in stems
        if len(other.parts) == len(folder.parts)
        and not MASKS.fullmatch(other.parts[place])
        and other.parts[:place] == folder.parts[:place]
        and other.parts[place + 1 :] == folder.parts[place + 1 :]
    ]


def _suffix(images: set[str], masks: set[str]) -> str | None:
    """What masks have behind the names of images, "" for nothing; None where they do not match."""
    first = min(images)
    for mask in sorted(mask for mask in masks if mask.startswith(first)):
        suffix = mask.removeprefix(first)
        if sum(f"{image}{suffix}" in masks for image in images) >= MATCHED * len(images):
            return suffix
    return None


def inspect(files: tree.Tree, folders: Folders, answers: Answers) -> Masks:
    """Reads every image and every mask once.

    Raises:
        UserError: what the recipe refuses; `ambiguous-ignore`.
    """
    options = {
        split: mask_folders.Folders(images=images, masks=masks)
        for split, (images, masks) in folders.of_split.items()
    }
    pairs = mask_folders.read(files.root, options, folders.suffix)
    values = [mask_files.decode(pair.mask(), f"{files.root}/{pair.mask_name}") for pair in pairs]
    present = sorted({int(value) for mask in values for value in np.unique(mask)})
    labels, ignore = _classes(files, present, answers)
    classes = mask_folders.class_values(files.root, present, labels, ignore)
    reader = AnySizeReader(3, MAX_SIDE)
    seen = [reader(pair.image(), f"{files.root}/{pair.name}") for pair in pairs]
    ids = [
        mask_folders.to_class_ids(mask, f"{files.root}/{pair.mask_name}", classes, ignore)
        for mask, pair in zip(values, pairs, strict=True)
    ]
    grey = all((image == image[..., :1]).all() for image in seen)
    smallest = min(min(image.shape[:2]) for image in seen)
    tile = next((tile for tile in TILES if tile <= smallest), TILES[-1])
    max_side = MAX_SIDE if max(max(mask.shape) for mask in values) > MAX_SIDE else None
    report = mask_report.report(seen, ids, [pair.name for pair in pairs], list(classes.values()))
    return Masks(
        len(pairs), folders, labels, ignore, 1 if grey else 3, tile, max_side,
        pixels=sum(image.shape[0] * image.shape[1] for image in seen),
        reasons=[
            *folders.reasons(),
            f"classes: {', '.join(map(str, classes))}, values of the masks; `labels` names them",
            f"tile: {tile}, of images of {smallest} pixels and more",
            *([f"max_side: {max_side}: larger images are shrunk for models"] if max_side else []),
        ],
        report=report,
    )  # fmt: skip


def _classes(
    files: tree.Tree, present: Sequence[int], answers: Answers
) -> tuple[dict[int, str] | None, int | None]:
    """(`labels`, `ignore`): beside two other values, 255 may be a class or mark what has none."""
    if mask_files.IGNORED not in present or len(present) < 3:
        return None, None
    readings = [
        Reading("255", "pixels of 255 have no class; losses and metrics leave them out"),
        Reading("none", "255 is a class like the others"),
    ]
    message = f"the masks have the values {', '.join(map(str, present[:8]))}, among them 255"
    answer = answers.settle(Question("ignore", message, readings, files.root))
    if answer == "255":
        return None, mask_files.IGNORED
    return {value: str(value) for value in present}, None
