"""How pictures enter a model: scaled, and in training varied; keras.applications' own scalings."""

import inspect

import keras
from keras import applications, layers


def augmentation(
    *, flip: bool = False, rotation: float = 0.0, translation: float = 0.0, zoom: float = 0.0,
    contrast: float = 0.0,
) -> list[keras.layers.Layer]:  # fmt: skip
    """Layers that vary (B, H, W, C) pictures of 0 to 255, in training only; none where all are 0.

    flip: left to right. rotation: at most this share of a full turn either way. translation, zoom:
    at most this share of the side. contrast: at most this share stronger or weaker.
    """
    chosen = []
    if flip:
        chosen.append(layers.RandomFlip("horizontal"))
    for share, layer in (
        (rotation, layers.RandomRotation), (zoom, layers.RandomZoom),
        (contrast, layers.RandomContrast),
    ):  # fmt: skip
        if share:
            edge = {} if layer is layers.RandomContrast else {"fill_mode": "nearest"}
            chosen.append(layer(share, **edge))
    if translation:
        chosen.append(layers.RandomTranslation(translation, translation, fill_mode="nearest"))
    return chosen


def varied(pictures, augment: dict | None):
    """uint8 pictures -> float pictures of 0 to 255, varied in training as `augment` says."""
    floats = layers.Rescaling(1.0, name="as_float")(pictures)
    for layer in augmentation(**(augment or {})):
        floats = layer(floats)
    return floats


def application_module(name: str):
    """The module of keras.applications that has the model and the scaling it was trained with."""
    for module in vars(applications).values():
        if inspect.ismodule(module) and {name, "preprocess_input"} <= set(vars(module)):
            return module
    raise ValueError(f"keras.applications has no {name!r}; it has {', '.join(application_names())}")


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
