"""JSON values to arrays and back, without rounding, truncation or guessing.

Nested lists are flattened by iterators that run in C: a thousand windows of a thousand numbers must
not block the event loop for a second.
"""

import base64
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
from serving.errors import BadRequest, Unimplemented
from serving.servables.signature import Arrays, Signature, TensorSpec


def from_rows(rows, signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The row format: for each row {input: value}, or the value of the only input."""
    if not signature.batched:
        raise BadRequest(
            f'{signature.name} has no batch dimension: send "inputs" instead of "instances"'
        )
    if not isinstance(rows, list) or not rows:
        raise BadRequest(
            f"instances: found {describe(rows)}, expected a list with at least one row"
        )
    check_row_count(len(rows), limits)
    names = list(signature.inputs)
    if len(names) == 1 and not is_named(rows[0]):
        columns = {names[0]: rows}
    else:
        columns = {name: [] for name in names}
        for index, row in enumerate(rows):
            if not is_named(row):
                raise BadRequest(f"instances[{index}]: found {describe(row)}, expected an object")
            check_names(row, signature, f"instances[{index}]")
            for name in names:
                columns[name].append(row[name])
    return {name: to_array(columns[name], signature.inputs[name], name, limits) for name in names}


def from_columns(values, signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The column format: {input: values of all rows}, or the values of the only input."""
    if not is_named(values):
        if len(signature.inputs) != 1:
            raise BadRequest(f"inputs: found {describe(values)}, expected an object")
        values = {next(iter(signature.inputs)): values}
    check_names(values, signature, "inputs")
    return {
        name: to_array(values[name], spec, name, limits) for name, spec in signature.inputs.items()
    }


def is_named(value) -> bool:
    """Whether it is {input: value}, rather than {"b64": ...}, the bytes of the only input."""
    return isinstance(value, dict) and set(value) != {"b64"}


def to_array(values, spec: TensorSpec, location: str, limits: Limits) -> np.ndarray:
    """Nested lists as an array with the signature's type and shape."""
    flat, shape = flatten(values, location, limits.depth)
    check_shape(shape, spec, location, limits)
    return to_typed(flat, spec.dtype, location, limits).reshape(shape)


def flatten(values, location: str, max_depth: int) -> tuple[list, tuple[int, ...]]:
    """All scalars in order, and the shape. Raises BadRequest for ragged lists."""
    level: list = [values]
    shape: list[int] = []
    while (types := set(map(type, level))) == {list}:
        if len(shape) == max_depth:
            raise BadRequest(f"{location}: lists nested deeper than {max_depth}")
        lengths = set(map(len, level))
        if len(lengths) > 1:
            message = f"{location}: ragged; lists of {min(lengths)} and of {max(lengths)} elements"
            raise BadRequest(message)
        shape += lengths
        level = list(chain.from_iterable(level))
    if list in types:
        raise BadRequest(f"{location}: ragged; lists beside single values")
    return level, tuple(shape)


def to_typed(flat: list, dtype: np.dtype, location: str, limits: Limits) -> np.ndarray:
    """Scalars as a vector of the type. Raises BadRequest if one is not of it."""
    if dtype.hasobject:
        array = np.empty(len(flat), object)
        array[:] = [to_bytes(value, location) for value in flat]
        check_strings(array, location, limits)
        return array
    accepted, expected = accepted_types(dtype, location)
    if not set(map(type, flat)) <= accepted:
        wrong = next(value for value in flat if type(value) not in accepted)
        raise BadRequest(f"{location}: found {describe(wrong)}, expected {expected}")
    if dtype.kind == "b":
        return np.array(flat, dtype)
    if not is_inexact(dtype):
        lowest, highest = np.iinfo(dtype).min, np.iinfo(dtype).max
        if flat and not lowest <= min(flat) <= max(flat) <= highest:
            raise BadRequest(f"{location}: out of {dtype.name}'s range, {lowest} to {highest}")
        return np.array(flat, dtype)
    with np.errstate(over="ignore"):  # becomes infinite, which the next line refuses
        array = np.array(flat, np.float64).astype(dtype)
    check_finite(array, location)
    return array


def accepted_types(dtype: np.dtype, location: str) -> tuple[set[type], str]:
    """Exact types, not isinstance: in Python True is an integer, in JSON it is not."""
    if dtype.kind == "b":
        return {bool}, "true or false"
    if np.issubdtype(dtype, np.integer):
        return {int}, "an integer"
    if is_inexact(dtype) and not np.issubdtype(dtype, np.complexfloating):
        return {int, float}, "a number"
    raise BadRequest(f"{location}: {dtype.name} cannot be sent as JSON; use gRPC")


def to_bytes(value, location: str) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        return decode_base64(value["b64"], location)
    raise BadRequest(f'{location}: found {describe(value)}, expected a text or {{"b64": ...}}')


def decode_base64(text: str, location: str) -> bytes:
    """As TensorFlow Serving does: with line breaks and spaces, with or without padding."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error is one
        pass
    compact = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except ValueError:
        raise BadRequest(f"{location}: b64 is not valid base64") from None


def describe(value) -> str:
    """A short description of any JSON value, for error messages."""
    names = {dict: "an object", list: "a list", type(None): "null", bool: str(value).lower()}
    return names.get(type(value)) or repr(value)[:60]


def to_rows(outputs: Arrays) -> list:
    """The row format: {output: value} for each row, or the values of the only output."""
    columns = {name: to_lists(array, name) for name, array in outputs.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def to_columns(outputs: Arrays):
    """The column format: {output: values of all rows}, or the values of the only output."""
    columns = {name: to_lists(array, name) for name, array in outputs.items()}
    return next(iter(columns.values())) if len(columns) == 1 else columns


def to_lists(array: np.ndarray, name: str):
    """An output as nested lists; numbers that are not finite become null when written."""
    dtype_kind = array.dtype.kind
    if dtype_kind == "c":
        raise Unimplemented(f"{name}: JSON has no complex numbers; use gRPC")
    if dtype_kind == "O":
        return to_strings(array.tolist(), as_base64=name.endswith("_bytes"))
    # NumPy's kind of bfloat16 is V.
    return (array.astype(np.float32) if dtype_kind == "V" else array).tolist()


def to_strings(value, as_base64: bool):
    """Strings, at any depth of lists; {"b64": ...} for bytes that are not UTF-8.

    Args:
        value: bytes or nested lists of them.
        as_base64: use {"b64": ...} for all, as TensorFlow Serving does by the output's name.
    """
    if isinstance(value, list):
        return [to_strings(item, as_base64) for item in value]
    if not as_base64:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode()}
