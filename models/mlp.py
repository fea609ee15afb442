"""A fully connected network on the pixels of an image.

Reference: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors",
Nature 323, 1986, https://doi.org/10.1038/323533a0.
"""

from collections.abc import Sequence

import keras
from keras import layers

from pipelines.spec import DataSpec


def mlp(
    spec: DataSpec, *, units: Sequence[int] = (128,), activation: str = "relu", dropout: float = 0.0
) -> keras.Model:
    """A multilayer perceptron: the image, flattened row by row, then dense layers.

    Every pixel has a weight of its own to every unit, so the order of the pixels has no meaning:
    with the rows of the first matrix in another order, the network computes the same from images
    whose pixels are in that order. What convolutions begin with, that neighbouring pixels belong
    together and that a pattern may be anywhere, it has to learn. An image of 200 x 200 x 3 has
    120,000 features, each with as many weights as the first layer has units.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits.

    Differs from the paper: rectifiers by default; pixels are scaled to 0..1; dropout.

    Args:
        spec: of an image classification data set.
        units: of each hidden layer; an empty list makes it a logistic regression.
        activation: of the hidden layers, by Keras's name.
        dropout: rate after each hidden layer.
    """
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 255, name="scale")(images)
    x = layers.Flatten(name="flatten")(x)  # (B, H * W * C)
    for number, count in enumerate(units, start=1):
        x = layers.Dense(count, activation=activation, name=f"hidden{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="mlp")
