"""How pictures enter a model: scaled, and in training varied; keras.applications' own scalings."""

import inspect
from collections.abc import Mapping

import keras
from keras import applications, layers, ops

from pipelines.config.errors import UserError, one_of


@keras.saving.register_keras_serializable("models")
class Variation(keras.layers.Layer):
    """(B, H, W, C) uint8 pictures -> float pictures of 0 to 255, varied in training only.

    flip: left to right. rotation: at most this share of a full turn either way. translation, zoom:
    at most this share of the side, translation by whole pixels, which leaves pictures as sharp as
    those that the model will see. contrast: at most this share stronger or weaker. What comes in
    from outside repeats the edge. Keras's own layers do it; they are held here because called alone
    they vary pictures unless told otherwise, and leave a random state in the graph that is served.
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
        steps = {
            "flip": lambda: layers.RandomFlip("horizontal"),
            "rotation": lambda: layers.RandomRotation(rotation, **edge),
            "zoom": lambda: layers.RandomZoom(zoom, **edge),
            "translation": lambda: layers.RandomTranslation(
                translation, translation, interpolation="nearest", **edge
            ),
            "contrast": lambda: layers.RandomContrast(contrast, value_range=(0, 255)),
        }
        self.steps = [make() for name, make in steps.items() if self.settings[name]]

    def build(self, shape):
        for step in self.steps:
            step.build(shape)

    def call(self, pictures, training=False):
        floats = ops.cast(pictures, self.compute_dtype)
        if training:
            for step in self.steps:
                floats = step(floats, training=True)
        return floats

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), **self.settings}


VARIATIONS = ("contrast", "flip", "rotation", "translation", "zoom")


def varied(pictures, augment: Mapping[str, float] | None):
    """Pictures through `Variation`, with what a builder's `augment` says."""
    for name in augment or {}:
        if name not in VARIATIONS:
            raise UserError(f"augment: no {name!r}; {one_of(name, VARIATIONS)}")
    return Variation(**(augment or {}), name="variation")(pictures)


def application_module(name: str):
    """The module that has the model of keras.applications and the scaling it was trained with."""
    if name not in application_names():
        raise UserError(f"keras.applications has no {name!r}; {one_of(name, application_names())}")
    return inspect.getmodule(getattr(applications, name))


def application_names() -> list[str]:
    return sorted(name for name, value in vars(applications).items() if inspect.isfunction(value))


@keras.saving.register_keras_serializable("models")
class ApplicationScaling(keras.layers.Layer):
    """(B, H, W, 3) pictures of 0 to 255 -> what the backbone of that name was trained on."""

    def __init__(self, application: str, **kwargs):
        super().__init__(**kwargs)
        self.application = application
        self.scaling = application_module(application).preprocess_input

    def call(self, pictures):
        return self.scaling(pictures)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "application": self.application}
