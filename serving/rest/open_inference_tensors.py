"""Tensors of the Open Inference Protocol: in JSON, or as bytes that follow it."""

import math
import struct
from collections.abc import Collection, Iterator

import numpy as np

from serving.config import Limits
from serving.core.validation import check_array, check_names, check_row_count, check_shape
from serving.errors import BadRequest
from serving.rest.json_tensors import describe, flatten, to_lists, to_typed
from serving.servables.repository import version_number as parse_integer
from serving.servables.signature import Arrays, Signature, TensorSpec

HEADER = "inference-header-content-length"
LENGTH = struct.Struct("<I")  # precedes each element of BYTES in binary data
MAX_DIMENSIONS = 32  # of NumPy 1
SPECIAL_DATATYPES = {"bool": "BOOL", "object": "BYTES", "bfloat16": "BF16"}


def datatype(dtype: np.dtype) -> str:
    if dtype.kind == "f":
        return f"FP{8 * dtype.itemsize}"
    return SPECIAL_DATATYPES.get(dtype.name, dtype.name.upper())


def split_body(data: bytes, header: str | None) -> tuple[bytes, memoryview]:
    """The JSON, and the bytes that follow it. header: the length of the JSON."""
    if header is None:
        return data, memoryview(b"")
    length = parse_integer(header)
    if length is None or length > len(data):
        raise BadRequest(f"{HEADER}: found {header:.40}, expected at most {len(data)}, the body")
    return data[:length], memoryview(data)[length:]


def get_field(body: dict, name: str, default):
    """A member, which must have the default's type; null is no member: clients send it for one."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, type(default)):
        raise BadRequest(f"{name}: found {describe(value)}, expected {describe(default)}")
    return value


def name_of(value, location: str) -> str:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise BadRequest(f'{location}: found {describe(value)}, expected objects with a "name"')
    return value["name"]


def decode_inputs(
    inputs: list, binary_part: memoryview, signature: Signature, limits: Limits
) -> dict[str, np.ndarray]:
    """The inputs as arrays. Their binary data follow each other in the order of the inputs."""
    inputs_by_name = {name_of(value, "inputs"): value for value in inputs}
    check_names(inputs_by_name, signature, "inputs")
    arrays, offset = {}, 0
    for name, value in inputs_by_name.items():
        spec, shape = signature.inputs[name], shape_of(value)
        if value.get("datatype") != datatype(spec.dtype):
            sent = describe(value.get("datatype"))
            raise BadRequest(f"{name}: datatype {sent}, expected {datatype(spec.dtype)}")
        check_shape(shape, spec, name, limits)
        if spec.batched:
            check_row_count(shape[0], limits)
        size = get_field(value, "parameters", {}).get("binary_data_size")
        if size is None:
            arrays[name] = from_json(value, shape, spec, limits)
            continue
        if type(size) is not int or not 0 <= size <= len(binary_part) - offset:
            message = f"{name}: binary_data_size is not within the {len(binary_part)} bytes sent"
            raise BadRequest(message)
        arrays[name] = from_binary(binary_part[offset : offset + size], shape, spec)
        check_array(arrays[name], spec, name, limits)
        offset += size
    if offset != len(binary_part):
        raise BadRequest(f"{len(binary_part) - offset} bytes follow that belong to no input")
    return {name: arrays[name] for name in signature.inputs}


def shape_of(value: dict) -> tuple[int, ...]:
    shape = get_field(value, "shape", [])
    valid = all(type(size) is int and 0 <= size < 2**31 for size in shape)
    if not valid or len(shape) > MAX_DIMENSIONS:
        raise BadRequest(f"{value['name']}: shape must be a list of non-negative integers")
    return tuple(shape)


def from_json(value: dict, shape: tuple[int, ...], spec: TensorSpec, limits: Limits) -> np.ndarray:
    """data: the elements in row-major order; nested lists are accepted as well."""
    flat, _ = flatten(get_field(value, "data", []), spec.name, limits.depth)
    check_count(len(flat), shape, spec)
    return to_typed(flat, spec.dtype, spec.name, limits).reshape(shape)


def from_binary(data: memoryview, shape: tuple[int, ...], spec: TensorSpec) -> np.ndarray:
    if spec.dtype.hasobject:
        strings = list(split_strings(data, spec.name))
        check_count(len(strings), shape, spec)
        array = np.empty(len(strings), object)
        array[:] = strings
        return array.reshape(shape)
    if len(data) != math.prod(shape) * spec.dtype.itemsize:
        raise BadRequest(f"{spec.name}: {len(data)} bytes do not fill shape {list(shape)}")
    if spec.dtype.kind == "b" and set(bytes(data)) - {0, 1}:
        raise BadRequest(f"{spec.name}: bytes of BOOL must be 0 or 1")
    return np.frombuffer(data, spec.dtype).reshape(shape)


def check_count(count: int, shape: tuple[int, ...], spec: TensorSpec) -> None:
    if count != math.prod(shape):
        raise BadRequest(f"{spec.name}: {count} elements do not fill shape {list(shape)}")


def split_strings(data: memoryview, location: str) -> Iterator[bytes]:
    """The elements of BYTES: each a length and its bytes."""
    offset = 0
    while offset < len(data):
        start = offset + LENGTH.size
        if start > len(data):
            raise BadRequest(f"{location}: binary data end within a length")
        offset = start + LENGTH.unpack_from(data, offset)[0]
        if offset > len(data):
            raise BadRequest(f"{location}: binary data end within a string")
        yield bytes(data[start:offset])


def encode_outputs(outputs: Arrays, binary: Collection[str]) -> tuple[list[dict], bytes]:
    """(outputs with their data for the JSON, the bytes of the outputs named in `binary`)."""
    entries, binary_parts = [], []
    for name, array in outputs.items():
        entry: dict[str, object] = {
            "name": name, "datatype": datatype(array.dtype), "shape": list(array.shape)
        }  # fmt: skip
        if name in binary:
            binary_parts.append(to_binary(array))
            entry["parameters"] = {"binary_data_size": len(binary_parts[-1])}
        else:
            entry["data"] = to_lists(array.ravel(), name)
        entries.append(entry)
    return entries, b"".join(binary_parts)


def to_binary(array: np.ndarray) -> bytes:
    if not array.dtype.hasobject:
        return array.tobytes()
    return b"".join(LENGTH.pack(len(value)) + value for value in array.ravel())
