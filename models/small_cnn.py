"""A small convolutional network.

References: LeCun et al. 1998 (lenet.py) for convolution and pooling; Krizhevsky, Sutskever and
Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
https://doi.org/10.1145/3065386, for rectifiers and dropout.
"""

from collections.abc import Mapping, Sequence

import keras
from keras import layers

from models.layers.augmentation import augment_images
from pipelines.spec import DataSpec


def small_cnn(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (10, 20),
    kernel_size: int = 3,
    units: int | None = 64,
    dropout: float = 0.5,
    augment: Mapping[str, float] | None = None,
) -> keras.Model:
    """Stages of convolution and max pooling, then a hidden layer with dropout.

    Each stage is conv -> relu -> 2 x 2 max pooling. Pooling halves height and width, so filters of
    later stages see a larger part of the image (receptive field) and respond to larger patterns.

    Input: the spec's only field, (B, H, W, C) uint8. Output: (B, outputs) logits. With units null
    and dropout 0 nothing is between the last pooling and the logits.

    Differs from Krizhevsky et al.: far smaller; no local response normalisation; pooling windows
    do not overlap.

    Args:
        spec: of an image classification data set.
        filters: number of filters of each stage; its length is the number of stages.
        kernel_size: side of the filters.
        units: of the hidden layer, whose output "features" transfer learning uses; null for none.
        dropout: rate on the input of the logits.
        augment: arguments of `RandomAugmentation` (layers/augmentation.py).
    """
    ((name, field),) = spec.inputs.items()
    images = keras.Input(field.shape, dtype=field.dtype, name=name)
    x = layers.Rescaling(1 / 255, name="scale")(augment_images(images, augment))  # (B, H, W, C)
    for stage, count in enumerate(filters, start=1):
        x = layers.Conv2D(
            count, kernel_size, padding="same", activation="relu", name=f"conv{stage}"
        )(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{stage}")(x)  # (B, H/2, W/2, count)
    x = layers.Flatten()(x)
    if units is not None:
        x = layers.Dense(units, activation="relu", name="features")(x)  # (B, units)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: images}, logits, name="small_cnn")
