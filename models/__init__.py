"""Models by module and builder name: this folder is the registry.

A builder is a public function of models/<module>.py whose first parameter is `spec` and whose
keyword-only parameters are hyperparameters. It returns a functional, uncompiled Keras model with
inputs named as in the spec and logits or forecasts as output; those of models/classical/ return a
`models.classical.Estimator`, for which nothing here imports Keras.
"""

import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from pipelines.config import search_path
from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec

if TYPE_CHECKING:
    import keras

    from models.classical import Estimator


def build(
    spec: DataSpec, module: str, builder: str, **hyperparameters
) -> Union["keras.Model", "Estimator"]:
    """The model that `builder` in models/<module>.py makes for this data.

    Args:
        spec: of the prepared data set; gives shapes, number of classes and vocabulary sizes.
        module: file name without `.py`, with its folder: "tcn", "classical/linear_text".
        builder: function in it.
        **hyperparameters: arguments of the builder; those left out have its defaults.

    Raises:
        UserError: an unknown or missing argument, or a value that cannot be used.
    """
    path = f"models/{module}.py"
    function = _builder(module, builder)
    _check_arguments(function, hyperparameters, path)
    try:
        return function(spec, **hyperparameters)
    except UserError as error:
        if error.path is not None:
            raise
        raise UserError(
            error.code, f"{builder}: {error.message}", path=path, key=error.key, value=error.value
        ) from error
    except ValueError as error:  # raised by Keras for values that its layers do not accept
        raise UserError("value-rejected", f"{builder}: {error}", path=path, key="build") from error


def has_short_steps(module: str, builder: str) -> bool:
    """Whether the builder is marked by `short_steps` of models/layers/lstm.py."""
    return getattr(_builder(module, builder), "short_steps", False)


def _builder(module: str, name: str) -> Callable:
    return getattr(importlib.import_module(search_path.module_name("models", module)), name)


def _check_arguments(function, hyperparameters: dict, path: str) -> None:
    """Before anything is built, so that a typo is reported as such."""
    parameters = inspect.signature(function).parameters.values()
    accepted = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for name, value in hyperparameters.items():
        if name not in accepted:
            raise UserError(
                "argument-unknown",
                f"{function.__name__} has no such argument; {one_of(name, accepted)}",
                path=path, key=f"build.{name}", value=value,
            )  # fmt: skip
    for name, default in accepted.items():
        if default is inspect.Parameter.empty and name not in hyperparameters:
            raise UserError(
                "argument-missing", f"{function.__name__} needs this argument; add it",
                path=path, key=f"build.{name}",
            )  # fmt: skip
