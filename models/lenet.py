"""LeNet-5, the first convolutional network in wide use: it read handwritten amounts on cheques.

Reference: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86(11), 1998, section II.B,
https://doi.org/10.1109/5.726791.
"""

from typing import Literal

import keras
from keras import layers

from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

SIDE = 32  # height and width of the paper's images


def lenet5(
    spec: DataSpec,
    *,
    fit_input: Literal["pad", "resize"] = "pad",
    activation: str = "tanh",
    pooling: Literal["average", "max"] = "average",
) -> keras.Model:
    """Convolution and pooling twice, then dense layers, after LeCun et al. 1998.

    A convolution applies the same small filters at every position (local receptive fields and
    shared weights), so a stroke is recognised wherever it is. Pooling halves height and width,
    which makes the features tolerate small shifts and doubles the receptive field of the next
    convolution.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. It has 61,706
    parameters for images of 32 x 32 x 1 and ten classes.

    Differs from the paper: C3 sees all six maps of S2, not a subset from a table; pooling has no
    weights; tanh is not scaled; the output is a linear layer for the softmax, not distances to
    drawn digits; pixels are scaled to 0..1, not to -0.1..1.175.

    Args:
        spec: of an image classification data set.
        fit_input: how images get to 32 x 32: "pad" with zeros, or "resize", bilinearly.
        activation: of all hidden layers, by Keras's name; "relu" trains faster than the paper's
            "tanh".
        pooling: "average", as in the paper, or "max".

    Raises:
        UserError: fit_input is "pad" and the images are larger than 32 x 32.
    """
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = _to_square(images, field.shape, fit_input)  # (B, 32, 32, C)
    x = layers.Rescaling(1 / 255, name="scale")(x)
    pool = layers.AveragePooling2D if pooling == "average" else layers.MaxPooling2D
    x = layers.Conv2D(6, 5, activation=activation, name="c1")(x)  # (B, 28, 28, 6)
    x = pool(2, name="s2")(x)  # (B, 14, 14, 6)
    x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)  # (B, 10, 10, 16)
    x = pool(2, name="s4")(x)  # (B, 5, 5, 16)
    x = layers.Conv2D(120, 5, activation=activation, name="c5")(x)  # (B, 1, 1, 120)
    x = layers.Dense(84, activation=activation, name="f6")(layers.Flatten()(x))  # (B, 84)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="lenet5")


def _to_square(images, shape: tuple[int, ...], fit_input: str):
    """(B, H, W, C) -> (B, 32, 32, C)."""
    height, width, _ = shape
    if (height, width) == (SIDE, SIDE):
        return images
    if fit_input == "resize":
        return layers.Resizing(SIDE, SIDE, name="resize")(images)
    if height > SIDE or width > SIDE:
        raise UserError(
            "image-too-large",
            f"images of {height} x {width} cannot be padded to {SIDE} x {SIDE}; set fit_input: "
            "resize, or `size` of the data set",
            key="build.fit_input", value=fit_input,
        )  # fmt: skip
    padding = [(total // 2, total - total // 2) for total in (SIDE - height, SIDE - width)]
    return layers.ZeroPadding2D(padding, name="pad")(images)
