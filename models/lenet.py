"""LeNet-5, the convolutional network that read cheques.

Reference: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998, section II.B.
"""

from typing import Literal

import keras
from keras import layers

from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

SIDE = 32


def lenet5(
    spec: DataSpec,
    *,
    fit_input: Literal["pad", "resize"] = "pad",
    activation: str = "tanh",
    pooling: Literal["average", "max"] = "average",
) -> keras.Model:
    """Small filters, shared over all places, whose answers are thinned out by pooling: twice
    convolution and pooling, then layers that see everything.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. 61,706 parameters
    for 32 x 32 x 1 and ten classes. Pictures are brought to 32 x 32, by a frame of zeros (`pad`,
    which UserError answers where they are larger) or by stretching (`resize`). Differs from the
    paper: C3 sees all six maps of S2 instead of a table's choice; pooling has no weights; tanh is
    not scaled; the output is a linear layer for the softmax instead of distances to drawn digits;
    pixels lie in 0 to 1 instead of -0.1 to 1.175.
    """
    ((name, field),) = spec.inputs.items()
    pictures = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 255, name="scale")(_fitted(pictures, field.shape, fit_input))
    pool = layers.AveragePooling2D if pooling == "average" else layers.MaxPooling2D
    x = layers.Conv2D(6, 5, activation=activation, name="c1")(x)
    x = pool(2, name="s2")(x)
    x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)
    x = pool(2, name="s4")(x)
    x = layers.Conv2D(120, 5, activation=activation, name="c5")(x)
    x = layers.Dense(84, activation=activation, name="f6")(layers.Flatten()(x))
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: pictures}, logits, name="lenet5")


def _fitted(pictures, shape: tuple[int, ...], fit_input: str):
    height, width, _ = shape
    if (height, width) == (SIDE, SIDE):
        return pictures
    if fit_input == "resize":
        return layers.Resizing(SIDE, SIDE, name="resize")(pictures)
    if height > SIDE or width > SIDE:
        raise UserError(
            f"lenet5: pictures of {height} x {width} do not fit into {SIDE} x {SIDE}; set "
            "fit_input: resize, or `size` of the data set"
        )
    spare = [(total // 2, total - total // 2) for total in (SIDE - height, SIDE - width)]
    return layers.ZeroPadding2D(spare, name="pad")(pictures)
