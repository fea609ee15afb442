"""MNIST and its relatives: four gzipped IDX files in a folder, official train and test.

options (params.yaml, `datasets.<key>.options`):

    labels      names of the classes, by number; default the numbers
    size        height and width to stretch pictures to; default as they are
    split       val is cut from train; test is the official one; see `pictures.Split`
    duplicates  keep (the official rows, all of them) | drop (of copies the test part's is kept)
    overlap     report (score with and without test pictures that stand in train) | refuse

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
from pipelines.preprocessing import image_decoding

PARTS = {"train": "train", "t10k": "test"}  # file prefix -> part
UINT8 = 8


class Options(BaseModel):
    model_config = STRICT
    labels: tuple[str, ...] | None = None
    size: labelled_images.Size | None = None
    duplicates: Literal["drop", "keep"] = "keep"
    overlap: Literal["refuse", "report"] = "report"
    split: labelled_images.Split = labelled_images.Split(val=0.1)


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    found = {part: read_part(raw, prefix) for prefix, part in PARTS.items()}
    originals = np.concatenate([pixels for pixels, _ in found.values()])[..., None]
    numbers = np.concatenate([numbers for _, numbers in found.values()]).astype(np.int32)
    sizes = {part: len(own) for part, (_, own) in found.items()}
    reader = image_decoding.Reader(*(options.size or originals.shape[1:3]), channels=1)
    rows = labelled_images.Pictures(
        source=raw,
        images=np.stack([image_decoding.resize(p, reader.height, reader.width) for p in originals]),
        files=[image_decoding.png(picture) for picture in originals],
        names=[f"{part}/{row}" for part, size in sizes.items() for row in range(size)],
        targets=numbers,
        labels=names(options, raw, numbers),
        part=np.repeat(list(sizes), list(sizes.values())),
    )
    return labelled_images.write(
        rows, out, reader, options.split, seed,
        duplicates=options.duplicates, overlap=options.overlap,
    )  # fmt: skip


def names(options: Options, raw: Path, numbers: np.ndarray) -> list[str]:
    count = int(numbers.max()) + 1
    chosen = list(options.labels or map(str, range(count)))
    if len(chosen) < count:
        raise UserError(
            f"{raw}: labels up to {count - 1}, but `labels` names {len(chosen)} classes"
        )
    return chosen


def read_part(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows, height, width) uint8 and (rows,) uint8."""
    pixels = read(folder / f"{prefix}-images-idx3-ubyte.gz", axes=3)
    labels = read(folder / f"{prefix}-labels-idx1-ubyte.gz", axes=1)
    if len(pixels) != len(labels) or not len(labels):
        raise UserError(
            f"{folder}: {len(pixels)} {prefix} pictures but {len(labels)} labels; fetch both again"
        )
    return pixels, labels


def read(path: Path, axes: int) -> np.ndarray:
    errors.existing(path, "the folder needs the four .gz files under their official names")
    data = text_files.contents(path)
    start = 4 + 4 * axes
    if len(data) < start or data[:4] != bytes((0, 0, UINT8, axes)):
        raise UserError(
            f"{path}: header {data[:4].hex(' ')}, expected {bytes((0, 0, UINT8, axes)).hex(' ')} "
            f"(uint8, {axes} axes); is it the right file?"
        )
    shape = struct.unpack(f">{axes}I", data[4:start])
    values = np.frombuffer(data, np.uint8, offset=start)
    if len(values) != int(np.prod(shape, dtype=np.int64)):
        raise UserError(
            f"{path}: {len(values)} values, but the header says {shape}; fetch it again"
        )
    return values.reshape(shape)
