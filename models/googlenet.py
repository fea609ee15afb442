"""GoogLeNet: Inception blocks, which look at several scales at once.

References: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015,
https://arxiv.org/abs/1409.4842; Lin, Chen and Yan, "Network In Network", ICLR 2014,
https://arxiv.org/abs/1312.4400 (1 x 1 convolutions and global average pooling).
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import keras
from keras import layers

from models.layers import LocalResponseNormalization
from models.layers.augmentation import augment_images
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


class Block(NamedTuple):
    """Filters of an Inception block; it has one + three + five + pool channels."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int


# Table 1 of the paper: blocks 3a, 3b; 4a to 4e; 5a, 5b. Pooling lies between the stages.
STAGES = (
    (Block(64, 96, 128, 16, 32, 32), Block(128, 128, 192, 32, 96, 64)),
    (
        Block(192, 96, 208, 16, 48, 64),
        Block(160, 112, 224, 24, 64, 64),
        Block(128, 128, 256, 24, 64, 64),
        Block(112, 144, 288, 32, 64, 64),
        Block(256, 160, 320, 32, 128, 128),
    ),
    (Block(256, 160, 320, 32, 128, 128), Block(384, 192, 384, 48, 128, 128)),
)
FIRST, SECOND = 64, 192  # filters of the convolutions before the blocks


def googlenet(
    spec: DataSpec,
    *,
    width: float = 0.25,
    blocks: Sequence[int] = (2, 2),
    stem: Literal["3x3", "7x7"] = "3x3",
    dropout: float = 0.4,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Stages of Inception blocks (Inception v1), after Szegedy et al. 2015.

    A block puts side by side what filters of 1 x 1, 3 x 3 and 5 x 5 and a pooling of 3 x 3 see, so
    that the network need not choose a scale. 1 x 1 convolutions before the large filters reduce the
    channels; without them a block would cost several times as much. The mean over all positions,
    not dense layers, leads to the classes.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. The defaults are
    for small images. The paper's network is width 1, blocks 2, 5, 2, stem "7x7": 6,998,552
    parameters for 1,000 classes, which is
    https://github.com/BVLC/caffe/tree/master/models/bvlc_googlenet without its two auxiliary
    classifiers.

    Differs from the paper: no auxiliary classifiers, which are there for training alone; initial
    weights after He et al. 2015; pixels are scaled to -1..1 instead of subtracting the mean;
    augmentation is chosen by `augment`.

    Args:
        spec: of an image classification data set.
        width: share of the paper's filters.
        blocks: how many blocks of each stage of the paper's table 1 there are, from its first one:
            at most 2, 5 and 2. Pooling with stride 2 lies between the stages.
        stem: "7x7", as in the paper: convolution and pooling, both with stride 2, two convolutions
            and pooling, so the blocks begin at an eighth of the image's sides; "3x3": one
            convolution with stride 1, for small images.
        dropout: rate on the averaged features.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).

    Raises:
        UserError: more stages, or blocks of a stage, than the table has.
    """
    _check_blocks(blocks)
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(augment_images(images, augment))
    x = _stem(x, width, deep=stem == "7x7")
    for number, (count, stage) in enumerate(zip(blocks, STAGES, strict=False), start=3):
        if number > 3:
            x = layers.MaxPooling2D(3, 2, padding="same", name=f"pool{number}")(x)
        for letter, block in zip("abcde", stage[:count], strict=False):
            x = _block(x, Block(*(_scaled(size, width) for size in block)), f"{number}{letter}")
    x = layers.GlobalAveragePooling2D(name="features")(x)  # (B, H', W', D) -> (B, D)
    logits = layers.Dense(spec.outputs, name="logits")(layers.Dropout(dropout)(x))
    return keras.Model({name: images}, logits, name="googlenet")


def _check_blocks(blocks: Sequence[int]) -> None:
    most = [len(stage) for stage in STAGES]
    if not 1 <= len(blocks) <= len(most) or any(
        not 1 <= count <= limit for count, limit in zip(blocks, most, strict=False)
    ):
        raise UserError(
            "blocks-unknown",
            f"must be the number of blocks of each stage, of up to {len(most)} stages, and at most "
            f"{most}",
            key="build.blocks", value=list(blocks),
        )  # fmt: skip


def _scaled(filters: int, width: float) -> int:
    return max(1, round(filters * width))


def _stem(x, width: float, deep: bool):
    """(B, H, W, C) -> (B, H, W, 64 width), or deep (B, H / 8, W / 8, 192 width)."""
    if not deep:
        return _convolution(x, _scaled(FIRST, width), 3, "first")
    x = _convolution(x, _scaled(FIRST, width), 7, "first", stride=2)
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = LocalResponseNormalization(name="norm1")(x)
    x = _convolution(x, _scaled(FIRST, width), 1, "second_reduce")
    x = _convolution(x, _scaled(SECOND, width), 3, "second")
    x = LocalResponseNormalization(name="norm2")(x)
    return layers.MaxPooling2D(3, 2, padding="same", name="pool2")(x)


def _block(x, filters: Block, name: str):
    """(B, H, W, C) -> (B, H, W, one + three + five + pool)."""
    reduced3 = _convolution(x, filters.three_reduce, 1, f"{name}_3x3_reduce")
    reduced5 = _convolution(x, filters.five_reduce, 1, f"{name}_5x5_reduce")
    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_join")([
        _convolution(x, filters.one, 1, f"{name}_1x1"),
        _convolution(reduced3, filters.three, 3, f"{name}_3x3"),
        _convolution(reduced5, filters.five, 5, f"{name}_5x5"),
        _convolution(pooled, filters.pool, 1, f"{name}_pool_projection"),
    ])  # fmt: skip


def _convolution(x, filters: int, size: int, name: str, stride: int = 1):
    return layers.Conv2D(
        filters, size, stride, padding="same", activation="relu", kernel_initializer="he_normal",
        name=name,
    )(x)  # fmt: skip
