"""Values of `build`, `loss` and `decide`, checked by the annotations of their functions.

Functions are parsed, not imported. An annotation that is made of other names than these is not
checked.
"""

import ast
import typing
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True)]
Share = Annotated[Number, Field(ge=0, lt=1)]
# By the end of an argument's name.
RANGES = {
    "dropout": Share,
    "label_smoothing": Share,
    "penalty": Annotated[Number, Field(ge=0)],
    "cost": Annotated[Number, Field(gt=0)],
    "init_range": Annotated[Number, Field(gt=0)],
}


def problem(argument: ast.arg, default: ast.expr | None, value: object) -> str | None:
    """What is wrong with a value, None where it fits or the annotation is not known.

    Args:
        argument: a keyword-only parameter of the function.
        default: its default value. Where that is no number below one, integers are counts.
        value: as it was read from the file.
    """
    kind = annotation(argument, default)
    if kind is None or argument.annotation is None:
        return None
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        details = error.errors()
        first = max(details, key=lambda detail: len(detail["loc"]))  # the arm that goes furthest
        text = first["msg"][0].lower() + first["msg"][1:]
        if isinstance(value, str) and not isinstance(value, bool) and _is_number(value):
            text += "; write it without quotes"
        return f"{text}; it takes {ast.unparse(argument.annotation)}, found {value!r}"
    return None


def annotation(argument: ast.arg, default: ast.expr | None) -> Any:
    """The type and range of a parameter, for pydantic; None where it is made of other names."""
    if argument.annotation is None:
        return None
    try:
        return _type(argument.annotation, argument.arg, _constant(default))
    except (KeyError, TypeError, AttributeError):
        return None


def _type(node: ast.expr, name: str, default: object) -> Any:
    """The annotation as pydantic checks it. KeyError: it has other names."""
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.BinOp):
        return reduce(or_, (_optional(_type(n, name, default)) for n in (node.left, node.right)))
    if isinstance(node, ast.Name):
        return _scalars(name, default)[node.id]
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        raise KeyError(ast.unparse(node))
    head, inner = node.value.id, node.slice
    if head == "Literal":
        return Literal[tuple(item.value for item in getattr(inner, "elts", [inner]))]
    if head in ("Sequence", "list", "tuple"):
        first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
        sequence: Any = GenericAlias(Sequence, (_type(first, name, None),))
        return Annotated[sequence, Field(min_length=0 if default in ((), []) else 1)]
    if head in ("Mapping", "dict") and isinstance(inner, ast.Tuple):
        item = _type(inner.elts[1], "", None)
        # {flip: true, zoom: 0.1}
        return GenericAlias(Mapping, (str, item | Switch if item is Number else item))
    raise KeyError(head)


def _optional(kind: Any) -> Any:
    return type(None) if kind is None else kind


def _scalars(name: str, default: object) -> dict[str, Any]:
    is_count = not isinstance(default, int) or default >= 1
    integer = (
        Annotated[int, Field(strict=True, ge=1)] if is_count else Annotated[int, Field(strict=True)]
    )
    ranges = (kind for end, kind in RANGES.items() if name.endswith(end))
    number = next(ranges, Number)
    return {"int": integer, "float": number, "bool": Switch, "str": Text, "Any": typing.Any}


def _constant(node: ast.expr | None) -> object:
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
