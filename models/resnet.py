"""Residual networks for small pictures: layers that learn what to add to their input.

Reference: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
section 4.2 (the CIFAR-10 networks).
"""

from collections.abc import Mapping
from typing import Literal

import keras
from keras import layers

from models.layers import PaddedShortcut
from models.layers.pictures import varied
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
    """A first convolution, three stages of blocks, the mean over all places, the logits.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. Each stage halves
    the picture and doubles the filters; a block is two 3 x 3 convolutions around which the input
    is led to be added. depth counts convolutions and the logits: 6 n + 2 for n blocks a stage
    (8, 14, 20, 32, 56, ...; else UserError). Where the size changes, the skip is the input with
    zeros in the new channels (`identity`, the paper's option A) or a 1 x 1 convolution
    (`projection`, option B). As in the paper: no biases before batch normalisation.
    Differs: pixels are scaled to -1..1 instead of subtracting the mean picture.
    """
    blocks, rest = divmod(depth - 2, 2 * STAGES)
    if rest or blocks < 1:
        raise UserError(f"resnet: depth is {depth}; it must be 6 n + 2, such as 8, 14, 20 or 32")
    ((name, field),) = spec.inputs.items()
    pictures = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(varied(pictures, augment))
    x = _convolution(x, filters, 3, 1, "first")
    x = layers.ReLU(name="first_relu")(x)
    for stage in range(STAGES):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _block(x, filters * 2**stage, stride, shortcut, f"stage{stage + 1}_{block + 1}")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: pictures}, logits, name="resnet")


def _block(x, filters: int, stride: int, shortcut: str, name: str):
    added = layers.ReLU(name=f"{name}_relu1")(_convolution(x, filters, 3, stride, f"{name}_conv1"))
    added = _convolution(added, filters, 3, 1, f"{name}_conv2")
    if stride == 1:
        skipped = x
    elif shortcut == "projection":
        skipped = _convolution(x, filters, 1, stride, f"{name}_projection")
    else:
        skipped = PaddedShortcut(filters, stride, name=f"{name}_identity")(x)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([skipped, added]))


def _convolution(x, filters: int, size: int, stride: int, name: str):
    x = layers.Conv2D(
        filters, size, stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return layers.BatchNormalization(name=f"{name}_norm")(x)
