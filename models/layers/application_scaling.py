"""The scaling of pixels that each network of keras.applications was trained with."""

import inspect

import keras
from keras import applications

from pipelines.config.errors import UserError, one_of


def application_names() -> list[str]:
    """Names of the networks of keras.applications: `MobileNet`, `ResNet50V2`, ..."""
    return sorted(name for name, value in vars(applications).items() if inspect.isfunction(value))


def application_module(name: str):
    """The module of keras.applications with this network and its `preprocess_input`.

    Raises:
        UserError: keras.applications has no network of this name.
    """
    names = application_names()
    if name not in names:
        raise UserError(
            "backbone-unknown", f"keras.applications has no {name!r}; {one_of(name, names)}",
            key="build.backbone", value=name,
        )  # fmt: skip
    return inspect.getmodule(getattr(applications, name))


@keras.saving.register_keras_serializable("models")
class ApplicationScaling(keras.layers.Layer):
    """(B, H, W, 3) images of 0 to 255 -> (B, H, W, 3), scaled as in the network's training.

    Args:
        application: name of a network of keras.applications.
    """

    def __init__(self, application: str, **kwargs):
        super().__init__(**kwargs)
        self.application = application
        self.scaling = application_module(application).preprocess_input

    def call(self, images):
        return self.scaling(images)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "application": self.application}
