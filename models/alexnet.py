"""AlexNet, whose victory in ImageNet 2012 began the present use of deep networks.

Reference: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012, https://doi.org/10.1145/3065386.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import keras
from keras import layers

from models.layers import LocalResponseNormalization
from models.layers.augmentation import augment_images
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

CONVOLUTIONS = 5
SIZES = (5, 3, 3, 3)  # of the filters after the first convolution
POOLED = (1, 2, 5)  # convolutions that overlapping pooling follows
HALVED = (2, 4, 5)  # convolutions whose filters saw one of the two GPUs alone


def alexnet(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (24, 64, 96, 96, 64),
    units: int = 256,
    first_size: int = 3,
    first_stride: int = 1,
    padding: Literal["same", "valid"] = "same",
    groups: int = 1,
    dropout: float = 0.5,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Five convolutions and three dense layers with rectifiers, after Krizhevsky et al. 2012.

    Rectifiers do not saturate, so a network of this depth can be trained; dropout on two large
    dense layers, which hold nearly all weights, keeps it from memorising. Pooling windows of 3 x 3
    with stride 2 overlap. Local response normalisation follows the first two convolutions.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. The defaults are
    for small images. The paper's network is filters 96, 256, 384, 384, 256, units 4096, first_size
    11, first_stride 4, padding "valid", groups 2: 60,965,224 parameters for 227 x 227 x 3 (the size
    with which the paper's figures agree; it says 224) and 1,000 classes, as in
    https://github.com/BVLC/caffe/tree/master/models/bvlc_alexnet. With filters 64, 192, 384, 256,
    256 and groups 1 it is that of Krizhevsky 2014, https://arxiv.org/abs/1404.5997, with
    torchvision's 61,100,840.

    Differs from the paper: initial weights after He et al. 2015; pixels are scaled to -1..1 instead
    of subtracting the mean image; augmentation is chosen by `augment`.

    Args:
        spec: of an image classification data set.
        filters: of the five convolutions.
        units: of each of the two hidden dense layers.
        first_size: side of the first convolution's filters; those of the second are 5 x 5, of the
            others 3 x 3.
        first_stride: of the first convolution.
        padding: "same" pads the first convolution and the poolings, so that images of any size can
            be classified; "valid" does not, as in the paper. The other convolutions are padded.
        groups: 2 halves what the filters of the second, fourth and fifth convolution see, as the
            paper's two GPUs do.
        dropout: rate on both hidden dense layers.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).

    Raises:
        UserError: filters are not five, groups does not divide them, or nothing would be left of
            the image.
    """
    ((name, field),) = spec.inputs.items()
    _check_filters(filters, groups)
    _check_size(field.shape, first_size, first_stride, padding)
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(augment_images(images, augment))
    for number, count in enumerate(filters, start=1):
        first = number == 1
        x = layers.Conv2D(
            count, first_size if first else SIZES[number - 2],
            first_stride if first else 1, padding=padding if first else "same",
            groups=groups if number in HALVED else 1,
            activation="relu", kernel_initializer="he_normal", name=f"conv{number}",
        )(x)  # fmt: skip
        if number <= 2:
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        if number in POOLED:
            x = layers.MaxPooling2D(3, 2, padding=padding, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)  # (B, 6 * 6 * 256) in the paper
    for number in (6, 7):
        x = layers.Dense(
            units, activation="relu", kernel_initializer="he_normal", name=f"dense{number}"
        )(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="alexnet")


def _check_filters(filters: Sequence[int], groups: int) -> None:
    if len(filters) != CONVOLUTIONS:
        raise UserError(
            "stages-mismatch", f"AlexNet has {CONVOLUTIONS} convolutions; give one number for each",
            key="build.filters", value=list(filters),
        )  # fmt: skip
    if groups < 1 or any(count % groups for count in filters):
        raise UserError(
            "groups-mismatch",
            f"does not divide every number of filters, {list(filters)}; choose a divisor",
            key="build.groups", value=groups,
        )  # fmt: skip


def _check_size(shape: tuple[int, ...], first_size: int, first_stride: int, padding: str) -> None:
    """Three unpadded poolings leave at least a pixel of 15."""
    shortest = 14 * first_stride + first_size
    if padding == "valid" and min(shape[:2]) < shortest:
        raise UserError(
            "image-too-small",
            f"images of {shape[0]} x {shape[1]}; without padding, filters of {first_size} with "
            f"stride {first_stride} and three poolings need {shortest} x {shortest}; set padding: "
            "same, or `size` of the data set",
            key="build.padding", value=padding,
        )  # fmt: skip
