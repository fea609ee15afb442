"""The registry is this folder: `build` imports models/<module>.py and calls a function in it."""

import importlib
import inspect

import keras

from pipelines.config import search_path
from pipelines.config.errors import UserError, one_of
from pipelines.spec import DataSpec


def build(spec: DataSpec, module: str, builder: str, **hyperparameters) -> keras.Model:
    """A functional, uncompiled model: named inputs as in `spec`, logits out.

    Arguments are bound before anything is built, so a typo names builder, argument and choices.
    """
    function = getattr(importlib.import_module(search_path.module_name("models", module)), builder)
    signature = inspect.signature(function)
    try:
        signature.bind(spec, **hyperparameters)
    except TypeError as error:
        accepted = [
            name
            for name, parameter in signature.parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]
        wrong = next((name for name in hyperparameters if name not in accepted), builder)
        raise UserError(
            f"models/{module}.py: {builder}: {error}; {one_of(wrong, accepted)}"
        ) from None
    try:
        return function(spec, **hyperparameters)
    except ValueError as error:  # what layers say of values that they cannot work with
        raise UserError(f"models/{module}.py: {builder}: {error}") from error
