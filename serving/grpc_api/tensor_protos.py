"""TensorProto messages to arrays and back, as TensorFlow Serving reads and writes them.

Not TensorFlow's make_ndarray, with which one value can fill any shape and with it the memory; nor
its make_tensor_proto, as clients of TensorFlow Serving read answers from the typed fields.
"""

import math
from functools import cache

import numpy as np
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.types_pb2 import DataType

from serving.config import Limits
from serving.core.validation import check_array, check_row_count, check_shape
from serving.errors import BadRequest, TooLarge
from serving.servables.signature import Tensor

# What the numbers of a field are, where it is not the tensor's own type: bits, or pairs.
PARTS = {"half_val": np.uint16, "scomplex_val": np.float32, "dcomplex_val": np.float64}
FIELDS = {
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), "int_val"),
    **dict.fromkeys(("float16", "bfloat16"), "half_val"),
    "float32": "float_val", "float64": "double_val", "int64": "int64_val", "uint32": "uint32_val",
    "uint64": "uint64_val", "complex64": "scomplex_val", "complex128": "dcomplex_val",
    "bool": "bool_val", "object": "string_val",
}  # fmt: skip


@cache
def field_of(dtype: np.dtype) -> str | None:
    """NumPy makes a type's name anew each time that it is asked."""
    return FIELDS.get(dtype.name)


def to_array(proto: TensorProto, tensor: Tensor, enum: int, limits: Limits) -> np.ndarray:
    """enum: of the signature's type."""
    where = tensor.name
    if proto.dtype != enum:
        raise BadRequest(f"{where}: type {type_name(proto.dtype)}, expected {type_name(enum)}")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if any(size < 0 for size in shape) or proto.tensor_shape.unknown_rank:
        raise BadRequest(f"{where}: shape {list(shape)}; sizes must be known")
    check_shape(shape, tensor, where)
    if tensor.batched:
        check_row_count(shape[0], limits)
    count = math.prod(shape)
    if count * tensor.dtype.itemsize > limits.body_bytes:
        raise TooLarge(f"{where}: {count} elements take more than {limits.body_bytes} bytes")
    array = filled(proto, tensor, count).reshape(shape)
    check_array(array, tensor, where, limits)
    return array


def filled(proto: TensorProto, tensor: Tensor, count: int) -> np.ndarray:
    """All elements, in a row. The last value stands for those that are left out."""
    if proto.tensor_content:
        if tensor.dtype.hasobject or len(proto.tensor_content) != count * tensor.dtype.itemsize:
            found = len(proto.tensor_content)
            raise BadRequest(f"{tensor.name}: {found} bytes of content for {count} elements")
        return np.frombuffer(proto.tensor_content, tensor.dtype)
    field = field_of(tensor.dtype)
    if field is None:
        raise BadRequest(f"{tensor.name}: {tensor.type_name} is taken as tensor_content only")
    values = typed(getattr(proto, field), field, tensor)
    if len(values) > count or (count and not len(values)):
        raise BadRequest(f"{tensor.name}: {len(values)} values in {field} for {count} elements")
    array = np.empty(count, tensor.dtype)
    array[: len(values)] = values
    array[len(values) :] = values[-1:]
    return array


def typed(values, field: str, tensor: Tensor) -> np.ndarray:
    if field == "string_val":
        array = np.empty(len(values), object)
        array[:] = list(values)
        return array
    parts = np.dtype(PARTS.get(field, tensor.dtype))
    if len(values) * parts.itemsize % tensor.dtype.itemsize:
        raise BadRequest(f"{tensor.name}: {len(values)} values in {field}; pairs are needed")
    try:
        return np.array(values, parts).view(tensor.dtype)
    except OverflowError:
        raise BadRequest(f"{tensor.name}: a number is out of the range of {parts.name}") from None


def from_array(array: np.ndarray, enum: int) -> TensorProto:
    proto = TensorProto(dtype=enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field = field_of(array.dtype)
    if field is None:
        proto.tensor_content = array.tobytes()
        return proto
    flat = array.ravel()
    values = flat.view(PARTS[field]) if field in PARTS else flat
    getattr(proto, field).extend(values.tolist())
    return proto


def type_name(enum: int) -> str:
    return DataType.Name(enum) if enum in DataType.values() else str(enum)
