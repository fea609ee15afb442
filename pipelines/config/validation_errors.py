"""Pydantic's errors about the values of a YAML file, as UserErrors with line and key."""

import difflib
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pipelines.config.errors import UserError, one_of
from pipelines.config.yaml_lines import YamlFile

MAX_SHOWN = 200  # characters of a value in a message


def validation_errors(
    file: YamlFile, error: ValidationError, model: type[BaseModel], prefix: tuple = ()
) -> list[UserError]:
    """Pydantic's errors as UserErrors, one for each key.

    Args:
        file: with the values.
        error: what pydantic raised.
        model: what it validated.
        prefix: the key of the values that it validated.
    """
    # A misspelt key is reported as a missing one and as an unknown one; the latter says more.
    details = sorted(error.errors(), key=lambda item: item["type"] == "missing")
    unknown = [item["loc"] for item in details if item["type"] == "extra_forbidden"]
    errors: dict[str | None, UserError] = {}
    for item in details:
        if item["type"] == "missing" and _is_misspelt(item["loc"], unknown):
            continue
        problem = _problem(file, item, model, prefix)
        errors.setdefault(problem.key, problem)
    # The arms of a union are reported one by one: the one that goes furthest is meant.
    return [
        problem
        for key, problem in errors.items()
        if not any(other and other.startswith(f"{key}.") for other in errors)
    ]


def _problem(file: YamlFile, item: Mapping, model: type[BaseModel], prefix: tuple) -> UserError:
    key = prefix
    for step in item["loc"]:  # pydantic also names the arms of a union: those are not keys
        if (*key, str(step)) in file.lines:
            key = (*key, str(step))
    if item["type"] == "extra_forbidden":
        choices = one_of(key[-1], _fields(model, item["loc"][:-1]))
        return file.error("key-unknown", key, f"unknown key; {choices}", key[-1])
    if item["type"] == "missing":
        key = (*key, item["loc"][-1])
        return file.error("key-missing", key, "missing; add it", key[-1])
    problem, value = item["msg"].removeprefix("Value error, "), item["input"]
    message = f"{problem[0].lower()}{problem[1:]}; found {_short(value)}"
    return file.error("value-invalid", key, message, value)


def _is_misspelt(missing: tuple, unknown: Sequence[tuple]) -> bool:
    """Whether an unknown key beside a missing one is so alike that it is meant."""
    names = [str(loc[-1]) for loc in unknown if loc[:-1] == missing[:-1]]
    return bool(difflib.get_close_matches(str(missing[-1]), names, n=1))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _fields(model: type[BaseModel], loc: tuple) -> list[str]:
    """The field names accepted at `loc`, pydantic's path through the model."""
    for step in loc:
        model = _step_down(model, step)
    return list(model.model_fields)


def _step_down(annotation, step: str | int):
    """The annotation one step down: a field, a key, an index or an arm of a union."""
    arguments = get_args(annotation)
    if not arguments:
        return _plain(annotation.model_fields[step].annotation)
    if get_origin(annotation) in (Union, UnionType):
        return next(arm for arm in map(_plain, arguments) if arm.__name__ == step)
    return _plain(arguments[-1])


def _plain(annotation):
    """Without the wrappers that pydantic does not name: Annotated[X, ...] and X | None."""
    arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
    if get_origin(annotation) is Annotated:
        return _plain(arguments[0])
    if get_origin(annotation) in (Union, UnionType) and len(arguments) == 1:
        return _plain(arguments[0])
    return annotation
