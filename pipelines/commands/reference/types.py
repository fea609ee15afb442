"""Types and ranges as people read them, from the annotations that values are checked by."""

import json
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

NAMES = {str: "text", int: "integer", float: "number", bool: "true or false", Any: "any value"}
BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
LENGTHS = {"min_length": "at least", "max_length": "at most"}


def described(annotation: Any, metadata: Sequence[Any] = ()) -> tuple[str, str]:
    """(type, range) of an annotation; the range is empty where all values are accepted.

    Args:
        annotation: as pydantic checks it.
        metadata: of a pydantic field, which has taken it out of the annotation.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return described(arguments[0], [*arguments[1:], *metadata])
    if origin in (Union, UnionType):
        return _union(arguments, metadata)
    if origin is Literal:
        return " | ".join(map(_choice, arguments)), _bounds(metadata)
    if origin in (list, tuple, Sequence) or annotation in (list, tuple):
        items = [argument for argument in arguments if argument is not Ellipsis] or [Any]
        name, limits = described(items[0])
        size = f"list of {len(items)}" if origin is tuple and len(arguments) > 1 and (
            Ellipsis not in arguments
        ) else "list"  # fmt: skip
        inner = f", each {limits}" if limits else ""
        return f"{size} of {name}" if size == "list" else f"{size}: {name}", (
            _bounds(metadata) + inner
        ).removeprefix(", ")
    if origin in (dict, Mapping):
        (key, _), (value, limits) = map(described, arguments)
        return f"mapping of {key} to {value}", ", ".join(
            filter(None, (_bounds(metadata), f"each {limits}" if limits else ""))
        )
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "block", ""
    if annotation in (None, NoneType):
        return "null", ""
    return NAMES.get(annotation, getattr(annotation, "__name__", str(annotation))), _bounds(
        metadata
    )


def _union(arguments: Sequence[Any], metadata: Sequence[Any]) -> tuple[str, str]:
    arms = [described(arm) for arm in arguments]
    names = list(dict.fromkeys(name for name, _ in arms))
    limits = [limit for _, limit in arms if limit]
    outer = _bounds(metadata)
    return " | ".join(names), "; ".join(filter(None, [outer, *limits]))


def _bounds(metadata: Sequence[Any]) -> str:
    """Of annotated-types and pydantic's Field, in words."""
    items = [
        inner
        for item in metadata
        for inner in (item.metadata if isinstance(item, FieldInfo) else [item])
    ]
    parts = []
    for name, word in BOUNDS.items():
        parts += [f"{word} {getattr(item, name):g}" for item in items if _has(item, name)]
    lengths = {name: getattr(i, name) for i in items for name in LENGTHS if _has(i, name)}
    if len(lengths) == 2 and len(set(lengths.values())) == 1:
        return ", ".join([*parts, f"{lengths['min_length']} long"])
    parts += [f"{LENGTHS[name]} {length} long" for name, length in lengths.items()]
    parts += [f"as {item.pattern}" for item in items if _has(item, "pattern")]
    return ", ".join(parts)


def _choice(value: Any) -> str:
    """As it is written in YAML, in quotes where it is no plain word."""
    return value if isinstance(value, str) and value.replace("-", "_").isidentifier() else (
        json.dumps(value)
    )  # fmt: skip


def _has(item: Any, name: str) -> bool:
    return not isinstance(item, type) and getattr(item, name, None) is not None


def nested(annotation: Any) -> list[type[BaseModel]]:
    """The blocks of options inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in nested(argument)]
