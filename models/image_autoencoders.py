"""Autoencoders of images: a code that is smaller than the image, learned by reconstructing it.

An encoder turns the image into `code_dim` numbers, a decoder turns these into the image again. The
target is the input, so no labels are needed. As the code is smaller than the image, the network can
keep only what images of the data set have in common: the code is a representation of the image.
(An encoder-decoder of two sequences has the same parts, but its target is another sequence.)

Input of all: the spec's only field, (B, H, W, C) uint8. Output: the reconstructed intensities
(B, H, W, C), 0 to 1 in the image, not bounded here. The code is the output (B, code_dim) of the
layer `CODE`.
"""

from collections.abc import Sequence

import keras
from keras import layers

from pipelines.spec import DataSpec

CODE = "code"  # the layer


def dense_autoencoder(
    spec: DataSpec, *, code_dim: int = 16, units: Sequence[int] = (128,), activation: str = "relu",
) -> keras.Model:  # fmt: skip
    """Dense layers from all pixels to the code, and the same sizes back.

    Without hidden layers, `units: []`, code and output are linear functions: the best such network
    reconstructs from the space of the first `code_dim` principal components, and no better than PCA
    (Bourlard and Kamp 1988, https://doi.org/10.1007/BF00332918). Hidden layers make it more than
    that.

    Differs from the paper: trained from random weights, where the paper trained restricted
    Boltzmann machines layer by layer first; rectifiers; a linear output.

    Reference: Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks",
    Science 313, 2006, https://doi.org/10.1126/science.1127647.

    Args:
        spec: of an image data set.
        code_dim: numbers of the code.
        units: of each hidden layer of the encoder; the decoder has them in reverse.
        activation: of the hidden layers, by Keras's name.
    """
    inputs, x = _scaled(spec)
    shape = x.shape[1:]
    x = layers.Flatten(name="flatten")(x)  # (B, H * W * C)
    pixels = x.shape[1]
    for number, count in enumerate(units):
        x = layers.Dense(count, activation=activation, name=f"encode{number}")(x)
    x = layers.Dense(code_dim, name=CODE)(x)
    for number, count in enumerate(reversed(units)):
        x = layers.Dense(count, activation=activation, name=f"decode{number}")(x)
    x = layers.Dense(pixels, name="pixels")(x)
    reconstructed = layers.Reshape(shape, name="reconstruction")(x)
    return keras.Model(inputs, reconstructed, name="dense_autoencoder")


def conv_autoencoder(
    spec: DataSpec, *, code_dim: int = 16, filters: Sequence[int] = (32, 64), kernel_size: int = 3,
    activation: str = "relu",
) -> keras.Model:  # fmt: skip
    """Convolutions of stride 2 to the code, transposed ones back.

    Each layer halves height and width. A dense layer makes the code of the last feature maps, and
    another one gives them back; the last convolution makes the image.

    Differs from the paper: strides in place of max pooling; a dense code in place of feature maps;
    all layers are trained together.

    Reference: Masci, Meier, Ciresan and Schmidhuber, "Stacked Convolutional Auto-Encoders for
    Hierarchical Feature Extraction", 2011, https://doi.org/10.1007/978-3-642-21735-7_7.

    Args:
        spec: of an image data set.
        code_dim: numbers of the code.
        filters: of each layer of the encoder; the decoder has them in reverse.
        kernel_size: side of the filters.
        activation: after each convolution, by Keras's name.
    """
    inputs, x = _scaled(spec)
    height, width, channels = x.shape[1:]
    options = {"strides": 2, "padding": "same", "activation": activation}
    for number, count in enumerate(filters):
        x = layers.Conv2D(count, kernel_size, name=f"encode{number}", **options)(x)
    maps = x.shape[1:]  # (H / 2^depth, W / 2^depth, filters[-1]), rounded up
    x = layers.Dense(code_dim, name=CODE)(layers.Flatten(name="flatten")(x))
    size = maps[0] * maps[1] * maps[2]
    x = layers.Dense(size, activation=activation, name="maps")(x)
    x = layers.Reshape(maps, name="maps_again")(x)
    for number, count in enumerate(reversed(filters)):
        x = layers.Conv2DTranspose(count, kernel_size, name=f"decode{number}", **options)(x)
    extra = ((0, x.shape[1] - height), (0, x.shape[2] - width))  # of sides that cannot be halved
    x = layers.Cropping2D(extra, name="crop")(x)
    reconstructed = layers.Conv2D(channels, kernel_size, padding="same", name="reconstruction")(x)
    return keras.Model(inputs, reconstructed, name="conv_autoencoder")


def _scaled(spec: DataSpec) -> tuple[dict, keras.KerasTensor]:
    """The model's inputs, and the intensities (B, H, W, C), 0 to 1."""
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    return {name: images}, layers.Rescaling(1 / 255, name="scale")(images)
