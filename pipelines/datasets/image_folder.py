"""A folder, or a zip or tar archive, of JPEG and PNG images in one folder per class.

Hidden files and what systems leave behind (Thumbs.db) are skipped; links are followed.
All images are held in memory at their final size.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.config.written_texts import Label
from pipelines.preparation import class_folders, labelled_images, splits
from pipelines.preparation.label_names import LabelNames
from pipelines.preparation.splits import ImageSplit, SplitSources
from pipelines.preprocessing import image_decoding

MAX_FILE_BYTES = 1 << 26


class Options(BaseModel):
    """Which images are read, and how.

    Args:
        folders: where the class folders are, relative to the source: {all: photos}, to be split
            here, or {train: ..., val: ..., test: ...}; val and test are drawn from train where
            they are not given. Default: the class folders at the top, or in one folder around
            them; folders named like splits (train, valid, test) are splits.
        classes: the class folders to read, where there are others beside them; default: all.
        labels: class names for the folders: {n01440764: tench}; several may have one class.
        size: height and width to resize images to; see preprocessing/image_decoding.py.
        channels: 1 or 3.
        crop: share of the sides of the centre crop that is resized, in the ratio of `size`. 0.875
            is customary with ImageNet networks, 1 crops only to the ratio; default: no crop, the
            whole image is squeezed where its ratio differs.
        positive: the class to detect, for two-class tasks: its threshold is calibrated.
        bad_files: refuse | skip files that are not valid JPEGs or PNGs; an archive that is damaged
            or cannot be trusted is always refused.
        sample_rows: read only so many files, drawn at random.
        duplicates: drop (the test split's one is kept) | keep.
        conflicts: refuse | drop (all of them): what to do with an image that has two labels.
        overlap: refuse | report: what to do when a test image is also in train.
        max_pixels: larger images are refused before they are decoded.
        split: how images become train, val and test; see `splits.ImageSplit`.
    """

    model_config = STRICT
    folders: SplitSources[str] | None = None
    classes: Annotated[list[Label], Field(min_length=2)] | None = None
    labels: LabelNames | None = None
    size: labelled_images.Size = (224, 224)
    channels: Literal[1, 3] = 3
    crop: Annotated[float, Field(ge=0.001, le=1)] | None = None
    positive: Label | None = None
    bad_files: Literal["refuse", "skip"] = "refuse"
    sample_rows: Count | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    conflicts: Literal["refuse", "drop"] = "refuse"
    overlap: Literal["refuse", "report"] = "refuse"
    max_pixels: Count = image_decoding.MAX_PIXELS
    split: ImageSplit = ImageSplit()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    crop = None if options.crop is None else round(options.crop * image_decoding.PER_MILLE)
    reader = image_decoding.Reader(*options.size, options.channels, options.max_pixels, crop)
    rows = read(options, raw, reader, seed)
    return labelled_images.write(
        rows, out, reader, options.split, seed,
        duplicates=options.duplicates, overlap=options.overlap, conflicts=options.conflicts,
        positive=options.positive,
    )  # fmt: skip


def read(
    options: Options, raw: Path, reader: image_decoding.Reader, seed: int
) -> labelled_images.LabelledImages:
    """All images of the class folders, decoded and resized.

    Raises:
        UserError: a file that is not a valid image, or no image at all.
    """
    images, contents, files = [], [], []
    skipped: list[class_folders.ClassFile] = []
    every_file = class_folders.read(raw, options.folders, options.classes, MAX_FILE_BYTES)
    for file in splits.sample(raw, every_file, options.sample_rows, seed):
        try:
            data = file.load()
            images.append(reader(data, f"{raw}/{file.name}"))
        except UserError as error:
            if options.bad_files == "refuse":
                raise UserError(
                    error.code, f"{error.message}; or set bad_files: skip",
                    path=error.path, value=error.value,
                ) from None  # fmt: skip
            print(f"skipped: {error}")
            skipped.append(file)
        else:
            contents.append(data)
            files.append(file)
    if not images:
        raise UserError(
            "images-missing",
            f"no readable images ({len(skipped)} skipped); see `folders`",
            path=raw,
        )
    class_folders.require_none_lost(raw, files, skipped)
    return labelled_images.of_class_folders(
        raw, files, images, contents, options.labels, options.positive
    )
