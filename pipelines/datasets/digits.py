"""The 1,797 handwritten digits, 8 x 8 pixels, that ship inside scikit-learn.

options (params.yaml, `datasets.<key>.options`):

    classes     which digits, in this order; default: all ten
    size        height and width to resize to; default: 8 x 8, the original size
    permutation_seed    of one random order in which all images have their pixels, so that nothing
                local can be learned; default: as they are
    split       see `splits.ImageSplit`; train_per_class makes it a few-shot task
    duplicates, overlap     as in image_folder

`source` names the file that pins scikit-learn, whose version determines the data. They are the test
set of Alpaydin and Kaynak's "Optical Recognition of Handwritten Digits" (UCI 80, 1998): each pixel
counts the ink in a 4 x 4 block of a bitmap, 0 to 16, and becomes 0 to 255 here.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT, Seed
from pipelines.preparation import labelled_images
from pipelines.preparation.splits import ImageSplit
from pipelines.preprocessing import image_decoding

MAX_INK = 16  # the largest pixel value
Digit = Annotated[int, Field(strict=True, ge=0, le=9)]


def _distinct(classes: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(classes)) != len(classes):
        raise ValueError("duplicate digit")
    return classes


class Options(BaseModel):
    model_config = STRICT
    classes: Annotated[
        tuple[Digit, ...], Field(min_length=2, strict=False), AfterValidator(_distinct)
    ] = tuple(range(10))
    size: labelled_images.Size = (8, 8)
    permutation_seed: Seed | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    overlap: Literal["refuse", "report"] = "refuse"
    split: ImageSplit = ImageSplit()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = image_decoding.Reader(
        *options.size, channels=1, permutation_seed=options.permutation_seed
    )
    return labelled_images.write(
        read(options, raw, reader), out, reader, options.split, seed,
        duplicates=options.duplicates, overlap=options.overlap,
    )  # fmt: skip


def read(
    options: Options, raw: Path, reader: image_decoding.Reader
) -> labelled_images.LabelledImages:
    from sklearn.datasets import load_digits  # here: it takes a second, and `Options` needs none

    digits = load_digits()
    rows = np.flatnonzero(np.isin(digits.target, options.classes))
    ink = digits.images[rows].astype(np.int64)  # (rows, 8, 8)
    scaled = ((2 * 255 * ink + MAX_INK) // (2 * MAX_INK)).astype(np.uint8)[..., None]
    files = [image_decoding.png(image) for image in scaled]
    names = [f"digits/{row}" for row in rows]
    ids = {digit: number for number, digit in enumerate(options.classes)}
    return labelled_images.LabelledImages(
        source=raw,
        images=np.stack([reader(file, name) for file, name in zip(files, names, strict=True)]),
        files=files,
        names=names,
        targets=np.array([ids[digit] for digit in digits.target[rows].tolist()], np.int32),
        labels=[str(digit) for digit in options.classes],
        given_splits=np.full(len(rows), "", "<U5"),
    )
