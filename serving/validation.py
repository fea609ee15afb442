"""A request's JSON against a signature: arrays that the graph takes, or one sentence of why not.

Everything is checked before the queue, so that a bad request fails alone and never costs a batch.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.errors import BadRequest, TooLarge
from serving.servable import Signature, Tensor

INTEGERS, FLOATS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), (
    "float16", "bfloat16", "float32", "float64",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """body_bytes: of a request. rows: instances in it. string_bytes: of one text or file. depth: of
    nested JSON."""

    body_bytes: int = 32 << 20
    rows: int = 1024
    string_bytes: int = 16 << 20
    depth: int = 16


def instances(rows, signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The row format: a list with one entry for each row, {input: value} or the only input's value."""
    if not isinstance(rows, list) or not rows:
        raise BadRequest("instances: a list with at least one row is needed")
    if len(rows) > limits.rows:
        raise TooLarge(f"instances: {len(rows)} rows; at most {limits.rows} in one request")
    names = list(signature.inputs)
    if not _named(rows[0], names):
        if len(names) != 1:
            raise BadRequest(f"instances[0]: each row must be an object with {listed(names)}")
        return {names[0]: tensor(rows, signature.inputs[names[0]], "instances", limits)}
    columns: dict[str, list] = {name: [] for name in names}
    for place, row in enumerate(rows):
        if not _named(row, names) or set(row) != set(names):
            found = listed(row) if isinstance(row, dict) else type(row).__name__
            raise BadRequest(f"instances[{place}]: has {found}, expected {listed(names)}")
        for name in names:
            columns[name].append(row[name])
    return {
        name: tensor(values, signature.inputs[name], f"instances, {name}", limits)
        for name, values in columns.items()
    }


def columns(values, signature: Signature, limits: Limits) -> dict[str, np.ndarray]:
    """The column format: {input: all rows' values}, or those of the only input."""
    names = list(signature.inputs)
    if not _named(values, names):
        if len(names) != 1:
            raise BadRequest(f"inputs: must be an object with {listed(names)}")
        values = {names[0]: values}
    if set(values) != set(names):
        raise BadRequest(f"inputs: has {listed(values)}, expected {listed(names)}")
    found = {
        name: tensor(values[name], signature.inputs[name], f"inputs, {name}", limits)
        for name in names
    }
    return checked_rows(found, signature, limits)


def checked_rows(
    arrays: Mapping[str, np.ndarray], signature: Signature, limits: Limits
) -> dict[str, np.ndarray]:
    """All inputs of a batched signature must have the same number of rows, and not too many."""
    if signature.batched:
        counts = {name: len(array) for name, array in arrays.items()}
        if len(set(counts.values())) > 1:
            raise BadRequest(f"inputs differ in their number of rows: {counts}")
        count = next(iter(counts.values()), 0)
        if count > limits.rows:
            raise TooLarge(f"{count} rows; at most {limits.rows} in one request")
        if not count:
            raise BadRequest("at least one row is needed")
    return dict(arrays)


def tensor(values, wanted: Tensor, where: str, limits: Limits) -> np.ndarray:
    """Nested lists as an array of the wanted type and shape, nothing rounded, cut or guessed."""
    flat, shape = flattened(values, where, limits)
    check_shape(shape, wanted, where)
    if wanted.dtype == "string":
        array = np.empty(len(flat), object)
        array[:] = [string(value, where, limits) for value in flat]
        return array.reshape(shape)
    if wanted.dtype == "bool":
        if not all(isinstance(value, bool) for value in flat):
            raise BadRequest(f"{where}: true or false is needed everywhere")
        return np.array(flat, bool).reshape(shape)
    return numbers(flat, wanted, where).reshape(shape)


def flattened(values, where: str, limits: Limits) -> tuple[list, tuple[int, ...]]:
    """All scalars in order, and the shape; refused where lists of one level differ in length."""
    shape: list[int] = []
    level = [values]
    while level and isinstance(level[0], list):
        if len(shape) >= limits.depth:
            raise BadRequest(f"{where}: lists nested deeper than {limits.depth}")
        length = len(level[0])
        if any(not isinstance(part, list) or len(part) != length for part in level):
            raise BadRequest(f"{where}: ragged; all lists of one level must be equally long")
        shape.append(length)
        level = [value for part in level for value in part]
    if any(isinstance(value, list) for value in level):
        raise BadRequest(f"{where}: ragged; lists stand beside single values")
    return level, tuple(shape)


def check_shape(shape: tuple[int, ...], wanted: Tensor, where: str) -> None:
    own = shape[1:] if wanted.batched else shape
    if wanted.batched and not shape:
        raise BadRequest(f"{where}: a list of rows is needed")
    fits = len(own) == len(wanted.shape) and all(
        want is None or have == want for have, want in zip(own, wanted.shape, strict=True)
    )
    if not fits:
        raise BadRequest(
            f"{where}: shape {list(own)} a row, expected "
            f"{['any' if size is None else size for size in wanted.shape]}"
        )


def string(value, where: str, limits: Limits) -> bytes:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
    elif isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            data = base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError):
            raise BadRequest(f"{where}: b64 does not hold base64") from None
    else:
        raise BadRequest(f'{where}: a text or {{"b64": ...}} is needed; found {kind(value)}')
    if len(data) > limits.string_bytes:
        raise TooLarge(f"{where}: {len(data)} bytes; at most {limits.string_bytes}")
    return data


def numbers(flat: list, wanted: Tensor, where: str) -> np.ndarray:
    whole = wanted.dtype in INTEGERS
    accepted = int if whole else (int, float)
    for value in flat:
        if isinstance(value, bool) or not isinstance(value, accepted):
            need = "a whole number" if whole else "a number"
            raise BadRequest(f"{where}: {need} is needed; found {kind(value)}")
    try:
        array = np.array(flat, np.int64 if whole else np.float64)
    except OverflowError:
        raise BadRequest(f"{where}: a number is out of the range of {wanted.dtype}") from None
    return narrowed(array, wanted, where)


def narrowed(array: np.ndarray, wanted: Tensor, where: str) -> np.ndarray:
    """To the signature's own type. Not finite, or beyond its range: refused."""
    if wanted.dtype in FLOATS:
        with np.errstate(over="ignore"):
            found = array.astype(np.float32 if wanted.dtype == "bfloat16" else wanted.dtype)
        if not np.isfinite(found).all():
            raise BadRequest(f"{where}: NaN, infinite or too large for {wanted.dtype}")
        return found
    if wanted.dtype not in INTEGERS:
        raise BadRequest(f"{where}: inputs of type {wanted.dtype} cannot be sent as JSON")
    limits = np.iinfo(wanted.dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise BadRequest(f"{where}: a number is out of the range of {wanted.dtype}")
    return array.astype(wanted.dtype)


def _named(value, names: list[str]) -> bool:
    """Is it {input: value}, and not the bytes of an only input?"""
    return isinstance(value, dict) and (set(value) != {"b64"} or "b64" in names)


def listed(names) -> str:
    return ", ".join(map(str, sorted(names))) or "nothing"


def kind(value) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(
        type(value), repr(value)[:60]
    )


def text(value: bytes | str, name: str):
    """An output's bytes as JSON has them: text, or base64 where the name ends in _bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [text(each, name) for each in value]
    if name.endswith("_bytes"):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", "replace")
