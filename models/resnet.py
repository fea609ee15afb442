"""Residual networks of basic blocks: for small images, and for ImageNet.

Reference: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
https://arxiv.org/abs/1512.03385: section 4.2 (CIFAR-10), and section 4.1 (ResNet-18 and 34).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import keras
from keras import layers

from models.layers import PaddedShortcut
from models.layers.augmentation import augment_images
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

STAGES = 3


def resnet(
    spec: DataSpec,
    *,
    depth: int = 20,
    filters: int = 16,
    shortcut: Literal["identity", "projection"] = "identity",
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Three stages of residual blocks and global average pooling, after He et al. 2016.

    A residual block computes y = relu(x + f(x)), where f is two 3 x 3 convolutions with batch
    normalisation. The shortcut x passes the gradient on unchanged, so networks of many layers can
    be trained, and a block that is not needed only has to learn f = 0. Each stage after the first
    halves height and width and doubles the filters.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. Depth 20 has 0.27
    million parameters.

    Differs from the paper: pixels are scaled to -1..1 instead of subtracting the mean image;
    augmentation is chosen by `augment`.

    Args:
        spec: of an image classification data set.
        depth: number of convolutions and dense layers, 6 n + 2 with n blocks a stage: 8, 14, 20,
            32, 44, 56 or 110.
        filters: of the first stage; the second has twice and the third four times as many.
        shortcut: where the size changes, "identity" subsamples and pads with zero channels
            (option A of the paper, without weights); "projection" is a 1 x 1 convolution (B).
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).

    Raises:
        UserError: depth is not 6 n + 2 for an n of 1 or more.
    """
    blocks, rest = divmod(depth - 2, 2 * STAGES)
    if rest or blocks < 1:
        raise UserError(
            "depth-invalid", f"depth is {depth}; it must be 6 n + 2, such as 8, 14, 20 or 32",
            key="build.depth", value=depth,
        )  # fmt: skip
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(augment_images(images, augment))
    x = _first(x, filters, 3, 1)  # (B, H, W, filters)
    x = _stages(x, [blocks] * STAGES, filters, shortcut)
    x = layers.GlobalAveragePooling2D(name="features")(x)  # (B, H/4, W/4, D) -> (B, D), 4 filters
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="resnet")


def imagenet_resnet(
    spec: DataSpec,
    *,
    blocks: Sequence[int] = (2, 2, 2, 2),
    filters: int = 16,
    stem: Literal["3x3", "7x7"] = "3x3",
    shortcut: Literal["identity", "projection"] = "projection",
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Four stages of the residual blocks of `resnet`, as in ResNet-18 and ResNet-34.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. The paper's
    networks have filters 64 and stem "7x7"; of depth 18 blocks 2, 2, 2, 2, of depth 34 blocks 3, 4,
    6, 3: for 1,000 classes 11,689,512 and 21,797,672 trainable parameters, as torchvision counts
    them with projections (https://docs.pytorch.org/vision/stable/models/resnet.html), and two
    statistics for each channel that is normalised.

    Differs from the paper: as `resnet`; strided convolutions pad right and below alone, as Keras
    does; the deeper networks' bottleneck blocks are in keras.applications, for `transfer`.

    Args:
        spec: of an image classification data set.
        blocks: of each stage; every stage after the first halves height and width and doubles the
            filters.
        filters: of the first stage.
        stem: "7x7", as in the paper: a convolution and a pooling with stride 2 each, so the blocks
            begin at a quarter of the image's sides; "3x3": one convolution with stride 1, for small
            images.
        shortcut: where the size changes, a "projection" by a 1 x 1 convolution (option B of the
            paper), or the "identity", see `resnet`.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).
    """
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(augment_images(images, augment))
    if stem == "7x7":
        x = _first(x, filters, 7, 2)
        x = layers.MaxPooling2D(3, 2, padding="same", name="first_pool")(x)  # (B, H/4, W/4, D)
    else:
        x = _first(x, filters, 3, 1)
    x = layers.GlobalAveragePooling2D(name="features")(_stages(x, blocks, filters, shortcut))
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="imagenet_resnet")


def _first(x, filters: int, size: int, stride: int):
    return layers.ReLU(name="first_relu")(_convolution(x, filters, size, stride, "first"))


def _stages(x, blocks: Sequence[int], filters: int, shortcut: str):
    """(B, H, W, filters) -> (B, H / 2^(n - 1), W / 2^(n - 1), filters 2^(n - 1)), n stages."""
    for stage, count in enumerate(blocks):
        for block in range(count):
            stride = 2 if stage and not block else 1
            x = _block(x, filters * 2**stage, stride, shortcut, f"stage{stage + 1}_{block + 1}")
    return x


def _block(x, filters: int, stride: int, shortcut: str, name: str):
    """(B, H, W, C) -> (B, H / stride, W / stride, filters)."""
    residual = _convolution(x, filters, 3, stride, f"{name}_conv1")
    residual = layers.ReLU(name=f"{name}_relu1")(residual)
    residual = _convolution(residual, filters, 3, 1, f"{name}_conv2")
    if stride == 1:
        skip = x
    elif shortcut == "projection":
        skip = _convolution(x, filters, 1, stride, f"{name}_projection")
    else:
        skip = PaddedShortcut(filters, stride, name=f"{name}_identity")(x)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([skip, residual]))


def _convolution(x, filters: int, size: int, stride: int, name: str):
    """Without bias: batch normalisation subtracts the mean and adds a bias of its own."""
    x = layers.Conv2D(
        filters, size, stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return layers.BatchNormalization(name=f"{name}_norm")(x)
