"""Random image augmentation inside the model, active in training only."""

from collections.abc import Mapping

import keras
from keras import layers, ops

from pipelines.config.errors import UserError, one_of

TRANSFORMS = ("contrast", "flip", "rotation", "translation", "zoom")


@keras.saving.register_keras_serializable("models")
class RandomAugmentation(keras.layers.Layer):
    """(B, H, W, C) uint8 images -> float images of 0 to 255, transformed at random in training.

    At inference the images are only cast. Pixels from outside the image repeat its edge. The
    transforms are Keras's layers, wrapped because called directly they also act at inference if
    `training` is not passed, and they would leave a random state in the exported graph.

    Args:
        flip: mirror left to right.
        rotation: largest rotation either way, as a share of a full turn.
        translation: largest shift, as a share of the side. Shifts are rounded to whole pixels,
            because interpolated images are less sharp than those of val.
        zoom: largest zoom in or out, as a share of the side.
        contrast: largest change of the contrast, as a share of it.
    """

    def __init__(
        self, *, flip: bool = False, rotation: float = 0.0, translation: float = 0.0,
        zoom: float = 0.0, contrast: float = 0.0, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.settings = {
            "flip": flip, "rotation": rotation, "translation": translation, "zoom": zoom,
            "contrast": contrast,
        }  # fmt: skip
        edge = {"fill_mode": "nearest"}
        factories = {
            "flip": lambda: layers.RandomFlip("horizontal"),
            "rotation": lambda: layers.RandomRotation(rotation, **edge),
            "zoom": lambda: layers.RandomZoom(zoom, **edge),
            "translation": lambda: layers.RandomTranslation(
                translation, translation, interpolation="nearest", **edge
            ),
            "contrast": lambda: layers.RandomContrast(contrast, value_range=(0, 255)),
        }
        self.transforms = [make() for name, make in factories.items() if self.settings[name]]

    def build(self, shape):
        for transform in self.transforms:
            transform.build(shape)

    def call(self, images, training=False):
        images = ops.cast(images, self.compute_dtype)
        if training:
            for transform in self.transforms:
                images = transform(images, training=True)
        return images

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), **self.settings}


def augment_images(images: keras.KerasTensor, augment: Mapping[str, float] | None):
    """Images through `RandomAugmentation` with the arguments in a builder's `augment`.

    Raises:
        UserError: `augment` names a transform that does not exist.
    """
    for name, value in (augment or {}).items():
        if name not in TRANSFORMS:
            raise UserError(
                "augmentation-unknown", f"no such transform; {one_of(name, TRANSFORMS)}",
                key=f"build.augment.{name}", value=value,
            )  # fmt: skip
    return RandomAugmentation(**(augment or {}), name="augmentation")(images)
