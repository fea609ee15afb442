"""Images with masks become splits on disk: split, tiles, arrays; the same for every recipe.

Train and val hold tiles of one size: image (tile, tile, channels) uint8 and mask (tile, tile)
uint8, class ids. Test holds whole images of any size: image at the size that models see, mask at
its own, image_bytes (the encoded file, as a client would send it) and file (its name).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.preparation import image_splits, splits
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report import masks as mask_report
from pipelines.preparation.splits import MaskSplit
from pipelines.preprocessing import image_sizes
from pipelines.preprocessing.image_sizes import AnySizeReader
from pipelines.preprocessing.mask_files import IGNORED
from pipelines.storage import arrays

IMAGE, RAW, TARGET = "image", "image_bytes", "mask"
READER_FILE = "image.json"  # the asset with which the served graph reads images


@dataclass(frozen=True)
class MaskedImages:
    """Rows of a data set.

    Args:
        source: for errors.
        images: (h, w, channels) uint8, as `AnySizeReader` reads them.
        masks: (height, width) uint8 class ids at the size of the file; IGNORED is no class.
        files: encoded images.
        names: of the files.
        given_splits: "train", "val" or "test" where the source says so, else "".
    """

    source: Path
    images: Sequence[np.ndarray]
    masks: Sequence[np.ndarray]
    files: Sequence[bytes]
    names: Sequence[str]
    given_splits: np.ndarray


def write(
    data: MaskedImages, out: Path, reader: AnySizeReader, options: MaskSplit, seed: int,
    *, labels: Sequence[str], tile: int, positive: str | None = None,
) -> spec.DataSpec:  # fmt: skip
    """Writes every repeat into out/repeat<i>/ and returns the spec that describes them.

    Args:
        data: all rows.
        out: an empty folder.
        reader: with which the images were read; stored as an asset for serving.
        options: how to split.
        seed: of the random draws.
        labels: class names by id.
        tile: the side of the tiles of train and val.
        positive: the label to detect, for two-class tasks.

    Raises:
        UserError: an image in two splits, a class that train does not have, a wrong `positive`.
    """
    _require_positive(data.source, labels, positive)
    findings.write(out, mask_report.report(data.images, data.masks, data.names, labels))
    repeats = split_rows(data, options, seed)
    for number, rows_of in enumerate(repeats):
        _require_classes(data, rows_of["train"], labels)
        folder = out / f"repeat{number}"
        (folder / "assets").mkdir(parents=True)
        reader.save(folder / "assets" / READER_FILE)
        for split, rows in rows_of.items():
            columns = whole_images(data, rows) if split == "test" else tiles(data, rows, tile)
            arrays.write(folder / split, columns)
    return data_spec(labels, tile, reader.channels, positive, len(repeats))


def data_spec(
    labels: Sequence[str], tile: int, channels: int, positive: str | None = None, repeats: int = 1
) -> spec.DataSpec:
    """What models of these arrays must accept and produce."""
    shape = (tile, tile, channels)
    unit, everywhere = "intensity, 0 to 255", {"any_size": True}
    return spec.DataSpec(
        inputs={IMAGE: spec.Field(shape, "uint8", unit, kind="image", **everywhere)},
        target=spec.Target(
            shape[:2], "uint8", f"class id; {IGNORED} is none", IGNORED + 1, kind="class",
            name=TARGET, **everywhere,
        ),
        outputs=len(labels), request_inputs=(RAW,), labels=tuple(labels), positive=positive,
        repeats=repeats,
    )  # fmt: skip


def split_rows(
    data: MaskedImages, options: MaskSplit, seed: int
) -> list[dict[str, np.ndarray]]:  # fmt: skip
    """Row numbers of train, val and test for each repeat; equal images are in one split."""
    count = len(data.names)
    if options.method == "folds":
        return splits.consecutive_folds(count, options.folds, options.val)
    return image_splits.draw(
        data.source, data.images, data.names, data.given_splits, options, seed, options.repeats
    )


def whole_images(data: MaskedImages, rows: np.ndarray) -> dict[str, arrays.Column]:
    """The columns of test."""
    return {
        IMAGE: arrays.Images.of([data.images[row] for row in rows]),
        TARGET: arrays.Images.of([data.masks[row] for row in rows]),
        RAW: [data.files[row] for row in rows],
        "file": [data.names[row] for row in rows],
    }


def tiles(data: MaskedImages, rows: np.ndarray, side: int) -> dict[str, arrays.Column]:
    """The columns of train and val. Tiles that hold no class are left out."""
    pairs = [
        pair for row in rows for pair in cut(data.images[row], data.masks[row], side)
        if (pair[1] != IGNORED).any()
    ]  # fmt: skip
    if not pairs:
        raise UserError(
            "mask-empty", "no pixel of the images of a split has a class; see `ignore`",
            path=data.source, key="ignore",
        )  # fmt: skip
    images, masks = map(np.stack, zip(*pairs, strict=True))
    return {IMAGE: images, TARGET: masks}


def cut(
    image: np.ndarray, mask: np.ndarray, side: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Square tiles of an image and its mask that cover it; they overlap if they do not divide it.

    An image that is smaller than a tile is continued by its mirror image, its mask by IGNORED.

    Args:
        image: (h, w, channels).
        mask: of any size; it is brought to that of the image by nearest pixels.
        side: of a tile.
    """
    mask = image_sizes.resize_nearest(mask, *image.shape[:2])
    image = image_sizes.mirror(image, side, side)
    below, right = (new - old for new, old in zip(image.shape, mask.shape, strict=False))
    mask = np.pad(mask, ((0, below), (0, right)), constant_values=IGNORED)
    for top in _starts(image.shape[0], side):
        for left in _starts(image.shape[1], side):
            place = slice(top, top + side), slice(left, left + side)
            yield image[place], mask[place]


def _starts(length: int, side: int) -> list[int]:
    """Evenly spread, the last one at the border."""
    count = -(-length // side)
    return np.linspace(0, length - side, count).round().astype(int).tolist()


def _require_positive(source: Path, labels: Sequence[str], positive: str | None) -> None:
    if positive is not None and (positive not in labels or len(labels) != 2):
        raise UserError(
            "positive-missing",
            f"it must be one of two classes; the classes are: {', '.join(labels)}",
            path=source, key="positive", value=positive,
        )  # fmt: skip


def _require_classes(data: MaskedImages, rows: np.ndarray, labels: Sequence[str]) -> None:
    present = set().union(*(np.unique(data.masks[row]).tolist() for row in rows))
    for number, label in enumerate(labels):
        if number not in present:
            raise UserError(
                "class-missing",
                f"no pixel of the train split has the class {label!r}; add images that show it, "
                "split in another way, or remove it from `labels`",
                path=data.source, key="labels", value=label,
            )  # fmt: skip
