"""A request's arrays against a signature: whether the graph takes them, or one sentence of why not.

Everything is checked before the queue, so that a bad request fails alone and never costs a batch.
"""

from collections.abc import Collection, Mapping

import numpy as np

from serving.config import Limits
from serving.errors import BadRequest, NotFound, TooLarge, listed
from serving.servables.signature import DEFAULT, Arrays, Signature, Tensor


def signature_named(signatures: Mapping[str, Signature], name: object) -> Signature:
    """The empty name is the default one's, as in TensorFlow Serving."""
    name = DEFAULT if name == "" else name
    if not isinstance(name, str) or name not in signatures:
        raise NotFound(f"no signature {name!r:.80}; signatures: {listed(signatures)}")
    return signatures[name]


def check_names(found: Collection[str], signature: Signature, where: str) -> None:
    if set(found) != set(signature.inputs):
        raise BadRequest(
            f"{where}: found {listed(found):.200}, expected {listed(signature.inputs)}"
        )


def count_rows(arrays: Arrays, signature: Signature, limits: Limits) -> int:
    """Rows of a request whose every input has been checked; 1 where the graph knows no rows."""
    if not signature.batched:
        return 1
    counts = {name: len(array) for name, array in arrays.items()}
    rows = next(iter(counts.values()))
    if len(set(counts.values())) > 1:
        raise BadRequest(f"inputs differ in their number of rows: {counts}")
    if not rows:
        raise BadRequest("at least one row is needed")
    check_row_count(rows, limits)
    return rows


def check_row_count(rows: int, limits: Limits) -> None:
    if rows > limits.rows:
        raise TooLarge(f"{rows} rows; at most {limits.rows} in one request")


def check_shape(shape: tuple[int, ...], tensor: Tensor, where: str) -> None:
    if not tensor.fits(shape):
        wanted = ["any" if size is None else size for size in tensor.whole_shape]
        raise BadRequest(f"{where}: shape {list(shape)}, expected {wanted}, rows first")


def check_strings(values: Collection[bytes], where: str, limits: Limits) -> None:
    longest = max(map(len, values), default=0)
    if longest > limits.string_bytes:
        raise TooLarge(f"{where}: a string of {longest} bytes; at most {limits.string_bytes}")


def check_finite(array: np.ndarray, where: str) -> None:
    if not np.isfinite(array).all():
        raise BadRequest(f"{where}: NaN, infinite, or too large for {array.dtype.name}")


def check_array(array: np.ndarray, tensor: Tensor, where: str, limits: Limits) -> None:
    """An array that came with a type of its own, as gRPC and binary data have it."""
    if array.dtype != tensor.dtype:
        found = "string" if array.dtype.hasobject else array.dtype.name
        raise BadRequest(f"{where}: type {found}, expected {tensor.type_name}")
    check_shape(array.shape, tensor, where)
    if array.dtype.hasobject:
        check_strings(array.ravel(), where, limits)
    elif is_inexact(array.dtype):
        check_finite(array, where)


def is_inexact(dtype: np.dtype) -> bool:
    """Floating or complex; bfloat16 is of neither kind to NumPy."""
    return dtype.kind in "fc" or dtype.name == "bfloat16"
