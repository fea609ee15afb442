"""Tensors of the Open Inference Protocol: in JSON, or as bytes that follow it."""

import math
import struct
from collections.abc import Collection

import numpy as np

from serving.config import Limits
from serving.core.validation import check_array, check_names, check_row_count, check_shape
from serving.errors import BadRequest
from serving.rest.json_tensors import flattened, kind, to_lists, typed
from serving.servables.repository import version_number as whole_number
from serving.servables.signature import Arrays, Signature, Tensor

HEADER = "inference-header-content-length"
LENGTH = struct.Struct("<I")  # before each element of BYTES in binary data
SPECIAL = {"bool": "BOOL", "object": "BYTES", "bfloat16": "BF16"}


def datatype(dtype: np.dtype) -> str:
    if dtype.kind == "f":
        return f"FP{8 * dtype.itemsize}"
    return SPECIAL.get(dtype.name, dtype.name.upper())


def split(data: bytes, header: str | None) -> tuple[bytes, memoryview]:
    """The JSON, and what follows it. header: how long the JSON is."""
    if header is None:
        return data, memoryview(b"")
    length = whole_number(header)
    if length is None or length > len(data):
        raise BadRequest(f"{HEADER}: a length within the body's {len(data)} bytes is needed")
    return data[:length], memoryview(data)[length:]


def field(body: dict, name: str, default):
    """A member of the default's type."""
    found = body.get(name, default)
    if not isinstance(found, type(default)):
        raise BadRequest(f"{name}: {kind(default)} is needed; found {kind(found)}")
    return found


def name_of(value, where: str) -> str:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise BadRequest(f'{where}: objects with a "name" are needed; found {kind(value)}')
    return value["name"]


def decoded(
    inputs: list, tail: memoryview, signature: Signature, limits: Limits
) -> dict[str, np.ndarray]:
    by_name = {name_of(each, "inputs"): each for each in inputs}
    check_names(by_name, signature, "inputs")
    arrays, used = {}, 0
    for name, each in by_name.items():  # binary data follow each other in the inputs' order
        tensor, shape = signature.inputs[name], shape_of(each)
        if each.get("datatype") != datatype(tensor.dtype):
            found = kind(each.get("datatype"))
            raise BadRequest(f"{name}: datatype {datatype(tensor.dtype)} is needed; found {found}")
        check_shape(shape, tensor, name)
        if tensor.batched:
            check_row_count(shape[0], limits)
        size = field(each, "parameters", {}).get("binary_data_size")
        if size is None:
            arrays[name] = from_json(each, shape, tensor, limits)
            continue
        if type(size) is not int or not 0 <= size <= len(tail) - used:
            raise BadRequest(f"{name}: binary_data_size is not within the {len(tail)} bytes sent")
        arrays[name] = from_binary(tail[used : used + size], shape, tensor)
        check_array(arrays[name], tensor, name, limits)
        used += size
    if used != len(tail):
        raise BadRequest(f"{len(tail) - used} bytes follow that belong to no input")
    return {name: arrays[name] for name in signature.inputs}


def shape_of(value: dict) -> tuple[int, ...]:
    shape = field(value, "shape", [])
    if not all(type(size) is int and 0 <= size < 2**31 for size in shape) or len(shape) > 32:
        raise BadRequest(f"{value['name']}: shape must be a list of whole numbers")
    return tuple(shape)


def from_json(value: dict, shape: tuple[int, ...], tensor: Tensor, limits: Limits) -> np.ndarray:
    """data: the elements in row order; lists of lists are taken as well."""
    flat, _ = flattened(field(value, "data", []), tensor.name, limits.depth)
    check_count(len(flat), shape, tensor)
    return typed(flat, tensor.dtype, tensor.name, limits).reshape(shape)


def from_binary(data: memoryview, shape: tuple[int, ...], tensor: Tensor) -> np.ndarray:
    if tensor.dtype.hasobject:
        found = list(byte_strings(data, tensor.name))
        check_count(len(found), shape, tensor)
        array = np.empty(len(found), object)
        array[:] = found
        return array.reshape(shape)
    if len(data) != math.prod(shape) * tensor.dtype.itemsize:
        raise BadRequest(f"{tensor.name}: {len(data)} bytes do not fill shape {list(shape)}")
    if tensor.dtype.kind == "b" and set(bytes(data)) - {0, 1}:
        raise BadRequest(f"{tensor.name}: bytes of BOOL are 0 or 1")
    return np.frombuffer(data, tensor.dtype).reshape(shape)


def check_count(count: int, shape: tuple[int, ...], tensor: Tensor) -> None:
    if count != math.prod(shape):
        raise BadRequest(f"{tensor.name}: {count} elements do not fill shape {list(shape)}")


def byte_strings(data: memoryview, where: str):
    place = 0
    while place < len(data):
        first = place + LENGTH.size
        if first > len(data):
            raise BadRequest(f"{where}: binary data end within a length")
        place = first + LENGTH.unpack_from(data, place)[0]
        if place > len(data):
            raise BadRequest(f"{where}: binary data end within a string")
        yield bytes(data[first:place])


def encoded(outputs: Arrays, binary: Collection[str]) -> tuple[list[dict], bytes]:
    """Descriptions of the outputs with their data, and the data of those that go as bytes."""
    described, tail = [], []
    for name, array in outputs.items():
        about = {"name": name, "datatype": datatype(array.dtype), "shape": list(array.shape)}
        if name in binary:
            tail.append(to_binary(array))
            about["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            about["data"] = to_lists(array.ravel(), name)
        described.append(about)
    return described, b"".join(tail)


def to_binary(array: np.ndarray) -> bytes:
    if not array.dtype.hasobject:
        return array.tobytes()
    return b"".join(LENGTH.pack(len(value)) + value for value in array.ravel())
