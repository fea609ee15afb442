"""A request's inputs, after all checks, and what they cost."""

from dataclasses import dataclass

import numpy as np

from serving.config import Limits
from serving.core.image_cost import MAGIC, image_cost
from serving.core.validation import check_range, count_rows
from serving.errors import BadRequest, TooLarge
from serving.servables.signature import Arrays, Signature, TensorSpec


@dataclass(frozen=True)
class Inputs:
    """What a batch is made of.

    Args:
        arrays: of `rows` rows.
        rows: their number; 1 if there is no batch dimension.
        size: bytes of numbers and strings.
        share: the part of one call's capacity for images that a row needs, from 0 to 1.
    """

    arrays: Arrays
    rows: int
    size: int
    share: float


def check_inputs(arrays: Arrays, signature: Signature, limits: Limits) -> Inputs:
    """The arrays with texts cut to what the model reads.

    Args:
        arrays: each has been checked against the signature.
        signature: which is called.
        limits: of a request.

    Raises:
        BadRequest: the numbers of rows differ, a number is out of the model's range, or an image
            has no readable header.
        TooLarge: too many rows, or an image that would cost too much to decode.
    """
    rows = count_rows(arrays, signature, limits)
    checked, size, share = {}, 0, 0.0
    for name, array in arrays.items():
        spec = signature.inputs[name]
        if array.dtype.hasobject:
            array = cut_texts(array, spec)
            size += sum(map(len, array.flat))
            shares = image_shares(array, spec, limits)
            if shares:
                share += max(shares) if signature.batched else sum(shares)
        else:
            check_range(array, spec)
            size += array.nbytes
        checked[name] = array
    if share > 1 and not signature.batched:
        raise TooLarge(f"images that take {share:.1f} times what one call may (limits.image_work)")
    return Inputs(checked, rows, size, min(share, 1.0))


def cut_texts(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Bytes that the model does not read are neither held nor copied for it."""
    limit = spec.max_bytes
    if limit is None or max(map(len, array.flat), default=0) <= limit:
        return array
    result = np.empty(array.size, object)
    result[:] = [value[:limit] for value in array.flat]
    return result.reshape(array.shape)


def image_shares(array: np.ndarray, spec: TensorSpec, limits: Limits) -> list[float]:
    """For each JPEG, PNG or GIF the part that it takes of what may be decoded in one call."""
    images = [value for value in array.flat if value.startswith(MAGIC)]
    return [image_share(image, spec, limits) for image in images]


def image_share(image: bytes, spec: TensorSpec, limits: Limits) -> float:
    """Raises TooLarge if it has more pixels, or more pixels times scans, than are decoded."""
    try:
        cost = image_cost(image)
    except BadRequest as error:
        raise BadRequest(f"{spec.name}: {error}") from None
    max_pixels = min(spec.max_pixels or limits.image_pixels, limits.image_pixels)
    if cost.pixels > max_pixels:
        message = f"an image of {cost.pixels} pixels; at most {max_pixels} (limits.image_pixels)"
        raise TooLarge(f"{spec.name}: {message}")
    if cost.work > limits.image_work:
        raise TooLarge(
            f"{spec.name}: a JPEG of {cost.pixels} pixels in {cost.scans} scans; pixels times "
            f"scans may be {limits.image_work} (limits.image_work); save it with fewer scans"
        )
    return max(cost.pixels / limits.image_pixels, cost.work / limits.image_work)
