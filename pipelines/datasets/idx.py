"""MNIST and its relatives: four gzipped IDX files in a folder, official train and test.

options (params.yaml, `datasets.<key>.options`):

    labels      names of the classes, by number; default: the numbers
    size        height and width to resize images to; default: the original size
    split       val is drawn from train; test is the official one; see `splits.ImageSplit`
    duplicates  keep (all official rows) | drop (the test split's one is kept)
    overlap     report (score with and without test images that are also in train) | refuse

Format: LeCun, "The MNIST database", http://yann.lecun.com/exdb/mnist: two zero bytes, the type
(8: uint8), the number of axes, their lengths as big-endian 32-bit numbers, the values.
"""

import struct
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation import labelled_images, text_files
from pipelines.preparation.splits import ImageSplit
from pipelines.preprocessing import image_decoding

SPLITS = {"train": "train", "t10k": "test"}  # file prefix -> split
UINT8 = 8


class Options(BaseModel):
    model_config = STRICT
    labels: tuple[str, ...] | None = None
    size: labelled_images.Size | None = None
    duplicates: Literal["drop", "keep"] = "keep"
    overlap: Literal["refuse", "report"] = "report"
    split: ImageSplit = ImageSplit(val=0.1)


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    data = {split: read_split(raw, prefix) for prefix, split in SPLITS.items()}
    originals = np.concatenate([pixels for pixels, _ in data.values()])[..., None]  # (B, H, W, 1)
    targets = np.concatenate([labels for _, labels in data.values()]).astype(np.int32)
    sizes = {split: len(labels) for split, (_, labels) in data.items()}
    reader = image_decoding.Reader(*(options.size or originals.shape[1:3]), channels=1)
    images = [image_decoding.resize(image, reader.height, reader.width) for image in originals]
    rows = labelled_images.LabelledImages(
        source=raw,
        images=np.stack(images),
        files=[image_decoding.png(image) for image in originals],
        names=[f"{split}/{row}" for split, size in sizes.items() for row in range(size)],
        targets=targets,
        labels=class_names(options, raw, targets),
        given_splits=np.repeat(list(sizes), list(sizes.values())),
    )
    return labelled_images.write(
        rows, out, reader, options.split, seed,
        duplicates=options.duplicates, overlap=options.overlap,
    )  # fmt: skip


def class_names(options: Options, raw: Path, targets: np.ndarray) -> list[str]:
    count = int(targets.max()) + 1
    names = list(options.labels or map(str, range(count)))
    if len(names) < count:
        raise UserError(
            "class-count",
            f"labels up to {count - 1}, but `labels` names {len(names)} classes; name {count}",
            path=raw, key="labels", value=len(names),
        )  # fmt: skip
    return names


def read_split(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows, height, width) uint8 and (rows,) uint8."""
    pixels = read(folder / f"{prefix}-images-idx3-ubyte.gz", axes=3)
    labels = read(folder / f"{prefix}-labels-idx1-ubyte.gz", axes=1)
    if len(pixels) != len(labels) or not len(labels):
        raise UserError(
            "row-count",
            f"{len(pixels)} {prefix} images but {len(labels)} labels; fetch both again",
            path=folder, value=len(labels),
        )  # fmt: skip
    return pixels, labels


def read(path: Path, axes: int) -> np.ndarray:
    """The array in a gzipped IDX file of `axes` axes."""
    errors.existing(path, "the folder needs the four .gz files under their official names")
    data = text_files.contents(path)
    expected, start = bytes((0, 0, UINT8, axes)), 4 + 4 * axes
    if len(data) < start or data[:4] != expected:
        raise UserError(
            "header-wrong",
            f"header {data[:4].hex(' ')}, expected {expected.hex(' ')} (uint8, {axes} axes); is it "
            "the right file? Fetch it again",
            path=path, value=data[:4].hex(" "),
        )  # fmt: skip
    shape = struct.unpack(f">{axes}I", data[4:start])
    values = np.frombuffer(data, np.uint8, offset=start)
    if len(values) != int(np.prod(shape, dtype=np.int64)):
        raise UserError(
            "value-count", f"{len(values)} values, but the header says {shape}; fetch it again",
            path=path, value=len(values),
        )  # fmt: skip
    return values.reshape(shape)
