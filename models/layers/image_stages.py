"""A small convolutional encoder of images that is trained with what reads it."""

from collections.abc import Callable, Mapping, Sequence

from keras import layers

from models.layers.augmentation import augment_images


def image_stages(
    images, filters: Sequence[int], augment: Mapping[str, float] | None,
    normalization: Callable[[int, str], layers.Layer],
):  # fmt: skip
    """(I, H, W, C) uint8 -> (I, h, w, F): conv -> normalisation -> relu -> 2 x 2 max pooling.

    Args:
        images: the input.
        filters: of each stage, which halves each side; F is the last one.
        augment: arguments of `RandomAugmentation`, or None.
        normalization: makes the layer of a stage from the number of its channels and its name.
    """
    x = layers.Rescaling(1 / 255, name="scale")(augment_images(images, augment))
    for stage, count in enumerate(filters, start=1):
        x = layers.Conv2D(count, 3, padding="same", use_bias=False, name=f"conv{stage}")(x)
        x = normalization(count, f"norm{stage}")(x)
        x = layers.ReLU(name=f"relu{stage}")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{stage}")(x)
    return x
