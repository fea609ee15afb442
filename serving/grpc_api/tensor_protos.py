"""TensorProto messages to arrays and back, as TensorFlow Serving reads and writes them.

TensorFlow's make_ndarray is not used, because one value could then fill any shape and exhaust the
memory; nor is make_tensor_proto, because clients of TensorFlow Serving read the typed fields.
"""

import math
from functools import cache

import numpy as np
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.types_pb2 import DataType

from serving.config import Limits
from serving.core.validation import check_array, check_row_count, check_shape
from serving.errors import BadRequest, TooLarge
from serving.servables.signature import TensorSpec

# Types of a field's numbers that differ from the tensor's: bit patterns, or parts of a complex.
FIELD_TYPES = {"half_val": np.uint16, "scomplex_val": np.float32, "dcomplex_val": np.float64}
FIELDS = {
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), "int_val"),
    **dict.fromkeys(("float16", "bfloat16"), "half_val"),
    "float32": "float_val", "float64": "double_val", "int64": "int64_val", "uint32": "uint32_val",
    "uint64": "uint64_val", "complex64": "scomplex_val", "complex128": "dcomplex_val",
    "bool": "bool_val", "object": "string_val",
}  # fmt: skip


@cache
def field_of(dtype: np.dtype) -> str | None:
    """Cached, because NumPy builds a type's name each time it is read."""
    return FIELDS.get(dtype.name)


def to_array(
    proto: TensorProto, spec: TensorSpec, expected_type: int, limits: Limits
) -> np.ndarray:
    """expected_type: the signature's DataType."""
    location = spec.name
    if proto.dtype != expected_type:
        sent = type_name(proto.dtype)
        raise BadRequest(f"{location}: type {sent}, expected {type_name(expected_type)}")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(size < 0 for size in shape) or proto.tensor_shape.unknown_rank:
        raise BadRequest(f"{location}: shape {list(shape)}; all sizes must be given")
    check_shape(shape, spec, location, limits)
    if spec.batched:
        check_row_count(shape[0], limits)
    count = math.prod(shape)
    if count * spec.dtype.itemsize > limits.body_bytes:
        raise TooLarge(f"{location}: {count} elements take more than {limits.body_bytes} bytes")
    array = elements(proto, spec, count).reshape(shape)
    check_array(array, spec, location, limits)
    return array


def elements(proto: TensorProto, spec: TensorSpec, count: int) -> np.ndarray:
    """All elements as a vector. If the field has fewer, its last value is repeated."""
    if proto.tensor_content:
        size = len(proto.tensor_content)
        if spec.dtype.hasobject or size != count * spec.dtype.itemsize:
            raise BadRequest(f"{spec.name}: {size} bytes of content for {count} elements")
        return np.frombuffer(proto.tensor_content, spec.dtype)
    field = field_of(spec.dtype)
    if field is None:
        raise BadRequest(f"{spec.name}: {spec.type_name} is accepted as tensor_content only")
    values = field_values(getattr(proto, field), field, spec)
    if len(values) > count or (count and not len(values)):
        raise BadRequest(f"{spec.name}: {len(values)} values in {field} for {count} elements")
    array = np.empty(count, spec.dtype)
    array[: len(values)] = values
    array[len(values) :] = values[-1:]
    return array


def field_values(values, field: str, spec: TensorSpec) -> np.ndarray:
    """The values of a typed field as an array of the tensor's type."""
    if field == "string_val":
        array = np.empty(len(values), object)
        array[:] = list(values)
        return array
    field_type = np.dtype(FIELD_TYPES.get(field, spec.dtype))
    if len(values) * field_type.itemsize % spec.dtype.itemsize:
        raise BadRequest(f"{spec.name}: {len(values)} values in {field}; pairs are needed")
    try:
        return np.array(values, field_type).view(spec.dtype)
    except OverflowError:
        message = f"{spec.name}: a number is out of the range of {field_type.name}"
        raise BadRequest(message) from None


def from_array(array: np.ndarray, data_type: int) -> TensorProto:
    proto = TensorProto(dtype=data_type)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field = field_of(array.dtype)
    if field is None:
        proto.tensor_content = array.tobytes()
        return proto
    flat = array.ravel()
    values = flat.view(FIELD_TYPES[field]) if field in FIELD_TYPES else flat
    getattr(proto, field).extend(values.tolist())
    return proto


def type_name(data_type: int) -> str:
    return DataType.Name(data_type) if data_type in DataType.values() else str(data_type)
