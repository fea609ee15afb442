"""JSON values to arrays and back, nothing rounded, cut or guessed.

Lists of lists are flattened by iterators that run in C: a thousand windows of a thousand numbers
must not hold up the event loop for a second.
"""

import base64
import binascii
from itertools import chain

import numpy as np

from serving.config import Limits
from serving.core.validation import (
    check_finite,
    check_names,
    check_row_count,
    check_shape,
    check_strings,
    is_inexact,
)
from serving.errors import BadRequest, NotOffered
from serving.servables.signature import Arrays, Signature, Tensor


def from_rows(rows, signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The row form: a list with, for each row, {input: value} or the only input's value."""
    if not signature.batched:
        raise BadRequest(f'{signature.name} knows no rows: send "inputs" instead of "instances"')
    if not isinstance(rows, list) or not rows:
        raise BadRequest("instances: a list with at least one row is needed")
    check_row_count(len(rows), limits)
    names = list(signature.inputs)
    if len(names) == 1 and not is_named(rows[0]):
        columns = {names[0]: rows}
    else:
        columns = {name: [] for name in names}
        for place, row in enumerate(rows):
            if not is_named(row):
                raise BadRequest(f"instances[{place}]: an object is needed; found {kind(row)}")
            check_names(row, signature, f"instances[{place}]")
            for name in names:
                columns[name].append(row[name])
    return {name: to_array(columns[name], signature.inputs[name], name, limits) for name in names}


def from_columns(values, signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The column form: {input: all rows' values}, or those of the only input."""
    if not is_named(values):
        if len(signature.inputs) != 1:
            raise BadRequest(f"inputs: an object is needed; found {kind(values)}")
        values = {next(iter(signature.inputs)): values}
    check_names(values, signature, "inputs")
    return {
        name: to_array(values[name], tensor, name, limits)
        for name, tensor in signature.inputs.items()
    }


def is_named(value) -> bool:
    """Is it {input: value}, and not the bytes of an only input?"""
    return isinstance(value, dict) and set(value) != {"b64"}


def to_array(values, tensor: Tensor, where: str, limits: Limits) -> np.ndarray:
    """Nested lists as an array of the signature's type and shape."""
    flat, shape = flattened(values, where, limits.depth)
    check_shape(shape, tensor, where)
    return typed(flat, tensor.dtype, where, limits).reshape(shape)


def flattened(values, where: str, depth: int) -> tuple[list, tuple[int, ...]]:
    """All scalars in order, and the shape; refused where lists of one level differ in length."""
    level, shape = [values], []
    while (kinds := set(map(type, level))) == {list}:
        if len(shape) == depth:
            raise BadRequest(f"{where}: lists nested deeper than {depth}")
        lengths = set(map(len, level))
        if len(lengths) > 1:
            raise BadRequest(f"{where}: ragged; lists of {min(lengths)} and of {max(lengths)}")
        shape += lengths
        level = list(chain.from_iterable(level))
    if list in kinds:
        raise BadRequest(f"{where}: ragged; lists stand beside single values")
    return level, tuple(shape)


def typed(flat: list, dtype: np.dtype, where: str, limits: Limits) -> np.ndarray:
    """Scalars as a vector of one type."""
    if dtype.hasobject:
        array = np.empty(len(flat), object)
        array[:] = [to_bytes(value, where) for value in flat]
        check_strings(array, where, limits)
        return array
    accepted, need = accepted_types(dtype, where)
    if not set(map(type, flat)) <= accepted:
        wrong = next(value for value in flat if type(value) not in accepted)
        raise BadRequest(f"{where}: {need} is needed; found {kind(wrong)}")
    if dtype.kind == "b":
        return np.array(flat, dtype)
    if not is_inexact(dtype):
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        if flat and not least <= min(flat) <= max(flat) <= most:
            raise BadRequest(f"{where}: {dtype.name} goes from {least} to {most} only")
        return np.array(flat, dtype)
    with np.errstate(over="ignore"):  # seen as infinite in the next line
        array = np.array(flat, np.float64).astype(dtype)
    check_finite(array, where)
    return array


def accepted_types(dtype: np.dtype, where: str) -> tuple[set[type], str]:
    """Not isinstance: to Python true is a number, to a client it is not."""
    if dtype.kind == "b":
        return {bool}, "true or false"
    if np.issubdtype(dtype, np.integer):
        return {int}, "a whole number"
    if is_inexact(dtype) and not np.issubdtype(dtype, np.complexfloating):
        return {int, float}, "a number"
    raise BadRequest(f"{where}: {dtype.name} cannot be sent as JSON; use gRPC")


def to_bytes(value, where: str) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            raise BadRequest(f"{where}: b64 does not hold base64") from None
    raise BadRequest(f'{where}: a text or {{"b64": ...}} is needed; found {kind(value)}')


def kind(value) -> str:
    """For messages: short, whatever it is."""
    names = {dict: "an object", list: "a list", type(None): "null", bool: str(value).lower()}
    return names.get(type(value)) or repr(value)[:60]


def to_rows(outputs: Arrays) -> list:
    """[{output: value} for each row], or the values of the only output."""
    columns = {name: to_lists(array, name) for name, array in outputs.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def to_columns(outputs: Arrays):
    """{output: all rows' values}, or those of the only output."""
    columns = {name: to_lists(array, name) for name, array in outputs.items()}
    return next(iter(columns.values())) if len(columns) == 1 else columns


def to_lists(array: np.ndarray, name: str):
    """Numbers as they are; those that are not finite are written as null."""
    kind = array.dtype.kind
    if kind == "c":
        raise NotOffered(f"{name}: complex numbers are not known to JSON; use gRPC")
    if kind == "O":
        return to_texts(array.tolist(), encode=name.endswith("_bytes"))
    return (array.astype(np.float32) if kind == "V" else array).tolist()  # V: bfloat16


def to_texts(values, encode: bool):
    """Texts; {"b64": ...} where TensorFlow Serving has it so by the output's name, and where the
    bytes are no text."""
    if isinstance(values, list):
        return [to_texts(value, encode) for value in values]
    if not encode:
        try:
            return values.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(values).decode()}
