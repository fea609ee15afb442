"""Images and their masks in two folders, matched by name; values of masks become class ids."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.config.written_texts import Label
from pipelines.preparation import folder_listing
from pipelines.preparation.folder_names import is_passed_over, printable
from pipelines.preprocessing import mask_files

MAX_LISTED = 5
MAX_FILE_BYTES = 1 << 26
Value = Annotated[int, Field(ge=0, le=255)]  # of a pixel of a mask
ClassNames = Annotated[dict[Value, Label], Field(min_length=2, max_length=mask_files.MAX_CLASSES)]


class Folders(BaseModel):
    """images, masks: folders relative to the source, in which a mask has its image's name."""

    model_config = STRICT
    images: str = "images"
    masks: str = "masks"


class MaskedFile(NamedTuple):
    """name: of the image, relative to the source. split: "train", "val", "test", or "" where it is
    split here. image, mask: read the bytes. mask_name: relative to the source."""

    name: str
    split: str
    image: Callable[[], bytes]
    mask_name: str
    mask: Callable[[], bytes]


def read(source: Path, folders: Mapping[str, Folders], suffix: str) -> list[MaskedFile]:
    """All images with their masks, in the order of their names, in which 2 comes before 10.

    Args:
        source: a folder, or a zip or tar archive.
        folders: "all", "train", "val" or "test" -> where they are.
        suffix: what a mask's name has behind that of its image: "_mask".

    Raises:
        UserError: a folder without files, an image without a mask, a mask without an image, two
            files for one name.
    """
    places = {
        PurePosixPath(getattr(pair, side)): (split, side)
        for split, pair in folders.items()
        for side in ("images", "masks")
    }
    by_stem: dict[tuple[str, str], dict[str, tuple[str, Callable]]] = {
        place: {} for place in places.values()
    }

    def selected(name: str) -> bool:
        return _place(name, places) is not None and not is_passed_over(name)

    for name, load in folder_listing.members(source, selected, MAX_FILE_BYTES):
        if load is None or not selected(name):
            continue
        folder, place = _place(name, places)
        stem = PurePosixPath(name).relative_to(folder).with_suffix("").as_posix()
        if place[1] == "masks":
            stem = stem.removesuffix(suffix)
        if stem in by_stem[place]:
            raise UserError(
                "name-repeated",
                f"{printable(name)} and {printable(by_stem[place][stem][0])} have one name apart "
                "from their ending; rename or remove one of them",
                path=source, value=printable(name),
            )  # fmt: skip
        by_stem[place][stem] = printable(name), load
    files = []
    for split, pair in folders.items():
        images, masks = by_stem[split, "images"], by_stem[split, "masks"]
        _require_pairs(source, split, pair, images, masks, suffix)
        files += [
            MaskedFile(images[stem][0], split.removeprefix("all"), images[stem][1], *masks[stem])
            for stem in sorted(images, key=_natural)
        ]
    return files


def _place(name: str, places: Mapping[PurePosixPath, tuple]) -> tuple | None:
    """(folder, (split, side)) of a file; of two folders the inner one."""
    for parent in PurePosixPath(name).parents:
        if parent in places:
            return parent, places[parent]
    return None


def _natural(name: str) -> list:
    """A key in whose order slice2 comes before slice10."""
    letters = "".join(c if c.isdecimal() and c.isascii() else " " for c in name).split()
    parts: list = []
    for digits in letters:
        before, _, name = name.partition(digits)
        parts += [before, int(digits)]
    return [*parts, name]


def _require_pairs(
    source: Path, split: str, pair: Folders, images: Mapping, masks: Mapping, suffix: str
) -> None:
    for side, files in (("images", images), ("masks", masks)):
        if not files:
            folder = getattr(pair, side)
            raise UserError(
                "folder-missing",
                f"no files in {folder!r}; correct `folders`, whose names are relative to `source`",
                path=source, key=f"folders.{split}.{side}", value=folder,
            )  # fmt: skip
    cure = f"a mask has its image's name, then {suffix!r}" if suffix else "they have one name"
    for side, other, lonely in (
        ("image", "mask", sorted(set(images) - set(masks))),
        ("mask", "image", sorted(set(masks) - set(images))),
    ):
        if lonely:
            name = (images if side == "image" else masks)[lonely[0]][0]
            raise UserError(
                f"{other}-missing",
                f"{len(lonely)} of the {side}s have no {other}, {name} the first; {cure} apart "
                f"from the ending: add the {other}, set mask_suffix, or remove the {side}",
                path=source, key="mask_suffix", value=name,
            )  # fmt: skip


def class_values(
    source: Path, values: Iterable[int], labels: ClassNames | None, ignore: int | None
) -> dict[int, str]:
    """Value in the masks -> class name, in the order of class ids, which is that of the values.

    Args:
        source: for errors.
        values: that any mask has.
        labels: the option; None: every value is a class and its own name.
        ignore: the value of pixels without a class.

    Raises:
        UserError: fewer than two classes, or a 255 that may be a class or none.
    """
    if labels is not None:
        if ignore in labels:
            raise UserError(
                "ignore-named", f"{ignore} is named in `labels` too; remove one of them",
                key="ignore", value=ignore,
            )  # fmt: skip
        return dict(sorted(labels.items()))
    present = sorted(set(values) - {ignore})
    if mask_files.IGNORED in present and len(present) > 2:
        raise UserError(
            "mask-value-unclear",
            f"the masks have the values {', '.join(map(str, present[:MAX_LISTED]))} ... 255, and "
            "255 often marks pixels without a class; set ignore: 255 if it does here, or name all "
            "classes in `labels`",
            path=source, key="ignore", value=mask_files.IGNORED,
        )  # fmt: skip
    if len(present) < 2:
        raise UserError(
            "class-count",
            f"the masks have only the value {', '.join(map(str, present))}; a mask needs two "
            "classes",
            path=source, value=present,
        )  # fmt: skip
    return {value: str(value) for value in present}


def to_class_ids(
    mask: np.ndarray, path: str, classes: Mapping[int, str], ignore: int | None
) -> np.ndarray:
    """(h, w) values -> (h, w) uint8 class ids, IGNORED where the value is `ignore`.

    Raises:
        UserError: a value without a class; path names the mask.
    """
    ids = np.full(256, -1)
    for number, value in enumerate(classes):
        ids[value] = number
    if ignore is not None:
        ids[ignore] = mask_files.IGNORED
    result = ids[mask]
    if (result < 0).any():
        value = int(mask[result < 0][0])
        raise UserError(
            "label-unknown",
            f"{np.count_nonzero(result < 0):,} pixels have the value {value} or another one "
            f"without a class; {errors.one_of(str(value), map(str, classes))}: add it to "
            "`labels`, or set `ignore` if it means no class",
            path=path, key="labels", value=value,
        )  # fmt: skip
    return result.astype(np.uint8)


def require_one_size(
    path: str, image_size: Sequence[int], mask_name: str, mask_size: Sequence[int]
) -> None:
    if tuple(image_size) != tuple(mask_size):
        height, width = image_size
        raise UserError(
            "size-mismatch",
            f"the image has {width} x {height} pixels, its mask {mask_name} {mask_size[1]} x "
            f"{mask_size[0]}; give the mask that was drawn on this image, or resize it with its "
            "nearest pixels",
            path=path, value=[width, height, mask_size[1], mask_size[0]],
        )  # fmt: skip
