"""VGG: deep stacks of 3 x 3 convolutions.

References: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015, https://arxiv.org/abs/1409.1556; Ioffe and Szegedy, "Batch Normalization",
ICML 2015, https://arxiv.org/abs/1502.03167; Lin, Chen and Yan, "Network In Network", ICLR 2014,
https://arxiv.org/abs/1312.4400 (global average pooling).
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from models.layers.augmentation import augment_images
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
    """Stages of 3 x 3 convolutions and max pooling, after Simonyan and Zisserman 2015.

    Two 3 x 3 convolutions have the receptive field of one of 5 x 5, with fewer weights and one
    more nonlinearity, so depth replaces large filters. The cost of a convolution grows with the
    number of pixels, its weights with the number of filters: few convolutions in the first stage
    make the network fast.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits.

    Differs from the paper: batch normalisation, and no biases before it; global average pooling
    instead of two dense layers, which held nine tenths of the weights; no pooling after the last
    stage; pixels are scaled to -1..1.

    Args:
        spec: of an image classification data set.
        filters: of each stage. The paper's network D has 64, 128, 256, 512, 512.
        convolutions: number of convolutions of each stage. Network D has 2, 2, 3, 3, 3.
        dropout: rate on the pooled features.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).

    Raises:
        UserError: filters and convolutions have different lengths.
    """
    if len(filters) != len(convolutions):
        raise UserError(
            "stages-mismatch",
            f"{len(convolutions)} stages ({list(convolutions)}), but filters has {len(filters)} "
            f"({list(filters)}); both need one number for each stage",
            key="build.convolutions", value=list(convolutions),
        )  # fmt: skip
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(augment_images(images, augment))
    for stage, (count, depth) in enumerate(zip(filters, convolutions, strict=True), start=1):
        if stage > 1:
            x = layers.MaxPooling2D(2, padding="same", name=f"pool{stage - 1}")(x)  # (B, H/2, W/2)
        for number in range(1, depth + 1):
            x = _convolution(x, count, f"stage{stage}_conv{number}")  # (B, H, W, count)
    x = layers.GlobalAveragePooling2D(name="features")(x)  # (B, filters[-1])
    logits = layers.Dense(spec.outputs, name="logits")(layers.Dropout(dropout)(x))
    return keras.Model({name: images}, logits, name="vgg")


def _convolution(x, filters: int, name: str):
    """Without bias: batch normalisation subtracts the mean and adds a bias of its own."""
    x = layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
