"""Images and masks of the same names in two folders, or in a zip or tar archive: segmentation.

Masks are PNG files with a palette or with grey values: 0 and 255, or the id of a class for each
pixel. Images are JPEG or PNG files, of any and of different sizes.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.config.written_texts import Label
from pipelines.preparation import labelled_masks, mask_folders, splits
from pipelines.preparation.labelled_masks import MaskedImages
from pipelines.preparation.mask_folders import ClassNames, Folders, Value
from pipelines.preparation.splits import MaskSplit, SplitSources
from pipelines.preprocessing import image_decoding, mask_files
from pipelines.preprocessing.image_sizes import AnySizeReader


class Options(BaseModel):
    """Which images and masks are read, and how.

    Args:
        folders: where they are, relative to the source: {all: {images: photos, masks: outlines}},
            to be split here, or {train: {...}, val: {...}, test: {...}}; val and test are drawn
            from train where they are not given. Default: the folders images and masks.
        mask_suffix: what a mask's name has behind that of its image: "_mask".
        labels: class names by the value of their pixels: {0: background, 255: road}. Default: all
            values that occur.
        ignore: the value of pixels that have no class; losses and metrics leave them out.
        positive: of two classes the one to find; the connected regions of the other one are then
            scored too (V_rand), as for membranes between cells.
        channels: 1 or 3.
        tile: the side of the square tiles that models are trained on; they predict whole images.
        max_side: images with a longer side are shrunk to it, for models; masks are predicted at the
            image's own size all the same.
        sample_rows: read only so many images, drawn at random.
        max_pixels: larger images are refused before they are decoded.
        split: how images become train, val and test; see `splits.MaskSplit`.
    """

    model_config = STRICT
    folders: SplitSources[Folders] = {"all": Folders()}
    mask_suffix: str = ""
    labels: ClassNames | None = None
    ignore: Value | None = None
    positive: Label | None = None
    channels: Literal[1, 3] = 3
    tile: Annotated[int, Field(strict=True, ge=8)] = 128
    max_side: Count | None = None
    sample_rows: Count | None = None
    max_pixels: Count = image_decoding.MAX_PIXELS
    split: MaskSplit = MaskSplit()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = AnySizeReader(options.channels, options.max_side, options.max_pixels)
    rows, labels = read(options, raw, reader, seed)
    return labelled_masks.write(
        rows, out, reader, options.split, seed,
        labels=labels, tile=options.tile, positive=options.positive,
    )  # fmt: skip


def read(
    options: Options, raw: Path, reader: AnySizeReader, seed: int
) -> tuple[MaskedImages, list[str]]:
    """All images with their masks, and the class names by id.

    Raises:
        UserError: a file that cannot be read, a mask of another size, a value without a class.
    """
    every = mask_folders.read(raw, options.folders, options.mask_suffix)
    files = splits.sample(raw, every, options.sample_rows, seed)
    contents = [file.image() for file in files]
    values = [
        mask_files.decode(file.mask(), f"{raw}/{file.mask_name}", options.max_pixels)
        for file in files
    ]
    for file, data, mask in zip(files, contents, values, strict=True):
        size = image_decoding.decode(data, f"{raw}/{file.name}", options.max_pixels).shape[:2]
        mask_folders.require_one_size(f"{raw}/{file.name}", size, file.mask_name, mask.shape)
    present = np.unique(np.concatenate([np.unique(mask) for mask in values])).tolist()
    classes = mask_folders.class_values(raw, present, options.labels, options.ignore)
    if len(set(classes.values())) < 2:
        raise UserError(
            "class-count", "two values have one name; give each class its own",
            key="labels", value=sorted(classes.values()),
        )  # fmt: skip
    return MaskedImages(
        source=raw,
        images=[
            reader(data, f"{raw}/{file.name}") for file, data in zip(files, contents, strict=True)
        ],
        masks=[
            mask_folders.to_class_ids(mask, f"{raw}/{file.mask_name}", classes, options.ignore)
            for file, mask in zip(files, values, strict=True)
        ],
        files=contents,
        names=[file.name for file in files],
        given_splits=np.array([file.split for file in files]),
    ), list(classes.values())
