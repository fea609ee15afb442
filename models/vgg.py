"""Small filters, many of them in a row: depth instead of width.

Reference: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015. Normalisation: Ioffe and Szegedy, "Batch Normalization", ICML 2015. The
mean over all places: Lin, Chen and Yan, "Network In Network", ICLR 2014.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from models.layers.pictures import varied
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def vgg(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (32, 64),
    convolutions: Sequence[int] = (2, 2),
    dropout: float = 0.0,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Stages of 3 x 3 convolutions with pooling by 2 between them, the mean over all places, the
    logits.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. Stage n has
    `convolutions[n]` convolutions of `filters[n]` filters each, at a 2**n-th of the side.
    UserError: another number of stages in one than in the other. Time goes with the places, weights with the
    filters: few convolutions in the first stage make it fast. The paper's network D is filters
    64, 128, 256, 512, 512 and convolutions 2, 2, 3, 3, 3. Differs from it: batch normalisation, no
    biases before it; the mean over all places instead of two dense layers, which held nine tenths
    of the weights; no pooling after the last stage; pixels are scaled to -1..1.
    `augment`: see layers/pictures.py.
    """
    if len(filters) != len(convolutions):
        raise UserError(
            f"vgg: {len(filters)} stages in filters ({list(filters)}) but {len(convolutions)} in "
            f"convolutions ({list(convolutions)}); give one number a stage in both"
        )
    ((name, field),) = spec.inputs.items()
    pictures = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(varied(pictures, augment))
    for stage, (width, count) in enumerate(zip(filters, convolutions, strict=True), start=1):
        if stage > 1:
            x = layers.MaxPooling2D(2, padding="same", name=f"pool{stage - 1}")(x)
        for number in range(1, count + 1):
            x = _convolution(x, width, f"stage{stage}_conv{number}")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    logits = layers.Dense(spec.outputs, name="logits")(layers.Dropout(dropout)(x))
    return keras.Model({name: pictures}, logits, name="vgg")


def _convolution(x, filters: int, name: str):
    x = layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
