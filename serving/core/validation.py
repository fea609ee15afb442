"""Validates a request's arrays against a signature.

Everything is checked before the queue, so that an invalid request fails alone and does not cost a
batch.
"""

import math
from collections.abc import Collection, Mapping

import numpy as np

from serving.config import Limits
from serving.errors import BadRequest, NotFound, TooLarge, listed
from serving.servables.signature import DEFAULT, Arrays, Signature, TensorSpec


def find_signature(signatures: Mapping[str, Signature], name: object) -> Signature:
    """An empty name means the default signature, as in TensorFlow Serving."""
    name = DEFAULT if name == "" else name
    if not isinstance(name, str) or name not in signatures:
        raise NotFound(f"no signature {name!r:.80}; signatures: {listed(signatures)}")
    return signatures[name]


def check_names(names: Collection[str], signature: Signature, location: str) -> None:
    """location: the part of the request, for the message."""
    if set(names) != set(signature.inputs):
        raise BadRequest(
            f"{location}: found {listed(names):.200}, expected {listed(signature.inputs)}"
        )


def count_rows(arrays: Arrays, signature: Signature, limits: Limits) -> int:
    """Rows of a request whose inputs have been checked; 1 if there is no batch dimension."""
    if not signature.batched:
        return 1
    counts = {name: len(array) for name, array in arrays.items()}
    rows = next(iter(counts.values()))
    if len(set(counts.values())) > 1:
        raise BadRequest(f"inputs differ in their number of rows: {counts}")
    if not rows:
        raise BadRequest("no rows; at least one is needed")
    check_row_count(rows, limits)
    return rows


def check_row_count(rows: int, limits: Limits) -> None:
    if rows > limits.rows:
        raise TooLarge(f"{rows} rows; at most {limits.rows} in one request")


def check_shape(shape: tuple[int, ...], spec: TensorSpec, location: str, limits: Limits) -> None:
    """Refuses a shape that the signature does not have, or that is larger than the limits.

    Raises:
        BadRequest: it does not match the signature.
        TooLarge: it has too many elements, or a dimension that the signature leaves open is too
            long: a model can need memory for the square of a length.
    """
    if not spec.accepts(shape):
        expected = ["any" if size is None else size for size in spec.full_shape or ()]
        raise BadRequest(f"{location}: shape {list(shape)}, expected {expected}, rows first")
    if math.prod(shape) > limits.cells:
        message = f"shape {list(shape)} has more than {limits.cells} elements (limits.cells)"
        raise TooLarge(f"{location}: {message}")
    if spec.open_dimensions:
        longest = max(shape[dimension] for dimension in spec.open_dimensions)
        if longest > (limit := spec.max_length or limits.length):
            raise TooLarge(f"{location}: a length of {longest}; at most {limit} (limits.length)")


def check_strings(values: Collection[bytes], location: str, limits: Limits) -> None:
    longest = max(map(len, values), default=0)
    if longest > limits.string_bytes:
        raise TooLarge(f"{location}: a string of {longest} bytes; at most {limits.string_bytes}")
    # gRPC repeats the last of fewer strings than rows.
    if longest * len(values) > limits.body_bytes and (
        (total := sum(map(len, values))) > limits.body_bytes
    ):
        raise TooLarge(f"{location}: strings of {total} bytes; at most {limits.body_bytes}")


def check_finite(array: np.ndarray, location: str) -> None:
    if not np.isfinite(array).all():
        raise BadRequest(f"{location}: NaN, infinite, or too large for {array.dtype.name}")


def check_range(array: np.ndarray, spec: TensorSpec) -> None:
    """Raises BadRequest for a number that is below the minimum or above the maximum."""
    if not array.size:
        return
    if spec.minimum is not None and (least := array.min()) < spec.minimum:
        raise BadRequest(f"{spec.name}: found {least}, accepted: at least {spec.minimum:g}")
    if spec.maximum is not None and (greatest := array.max()) > spec.maximum:
        raise BadRequest(f"{spec.name}: found {greatest}, accepted: at most {spec.maximum:g}")


def check_array(array: np.ndarray, spec: TensorSpec, location: str, limits: Limits) -> None:
    """Checks an array that was sent with its type, as gRPC and binary data have it."""
    if array.dtype != spec.dtype:
        dtype_name = "string" if array.dtype.hasobject else array.dtype.name
        raise BadRequest(f"{location}: type {dtype_name}, expected {spec.type_name}")
    check_shape(array.shape, spec, location, limits)
    if array.dtype.hasobject:
        check_strings(array.ravel(), location, limits)
    elif is_inexact(array.dtype):
        check_finite(array, location)


def is_inexact(dtype: np.dtype) -> bool:
    """Floating or complex; bfloat16 has neither kind in NumPy."""
    return dtype.kind in "fc" or dtype.name == "bfloat16"
