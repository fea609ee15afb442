"""Warm-up: before a version is served, it is called once and must answer its golden examples."""

import base64
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import tensorflow as tf

from serving.errors import BadRequest, LoadError
from serving.servables import repository, version_files
from serving.servables.signature import DEFAULT, Signature

TOLERANCE = 1e-4  # of numbers: other hardware adds in another order
PIXELS = 1e-3  # the share of a mask's pixels that may differ, for the same reason
PNG = b"\x89PNG\r\n\x1a\n"


def warm_up(signatures: Mapping[str, Signature], folder: Path) -> None:
    """Calls every signature, because the first call allocates memory and is slow.

    Raises:
        LoadError: the default signature does not give the golden answers.
    """
    golden = version_files.read_golden(folder)
    for name, signature in signatures.items():
        if golden is not None and name == DEFAULT:
            check_golden(signature, golden, folder)
        else:
            # A graph that refuses zeros has been called nevertheless.
            with suppress(BadRequest):
                signature({key: spec.zeros(1) for key, spec in signature.inputs.items()})


def check_golden(signature: Signature, golden: Mapping, folder: Path) -> None:
    inputs = input_arrays(signature, golden["inputs"])
    outputs = signature(inputs)
    for name, expected in golden["outputs"].items():
        if name not in outputs:
            raise LoadError(f"{folder}: {repository.GOLDEN} has {name}, which is not an output")
        if not matches(outputs[name], expected):
            raise LoadError(
                f"{folder}: {name} differs from {repository.GOLDEN}: "
                f"found {outputs[name].tolist()!r:.150}, expected {expected!r:.150}"
            )
    if signature.batched:  # single rows are the most frequent requests, and another shape
        signature({name: array[:1] for name, array in inputs.items()})


def input_arrays(signature: Signature, columns: Mapping[str, list]) -> dict[str, np.ndarray]:
    """The golden inputs as arrays of the signature's types."""
    return {
        name: np.array(_decode_base64(rows), signature.inputs[name].dtype)
        for name, rows in columns.items()
    }


def _decode_base64(value):
    if isinstance(value, list):
        return [_decode_base64(item) for item in value]
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def matches(output: np.ndarray, expected: list) -> bool:
    """Whether an output equals the expected rows: strings exactly, numbers within TOLERANCE, and
    images in all but PIXELS of their pixels.

    Args:
        output: numbers or strings, of any shape; (rows, k) strings are compared as nested lists.
        expected: the rows as JSON has them.
    """
    if output.dtype.hasobject:
        values, references = output.tolist(), _decode_base64(expected)
        if _are_images(values) and _are_images(references) and len(values) == len(references):
            return all(map(_same_image, values, references))
        return _decode_utf8(output.tolist()) == _decode_base64_text(expected)
    reference = np.array(expected, output.dtype)
    if output.shape != reference.shape:
        return False
    return np.allclose(output, reference, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def _are_images(values) -> bool:
    return bool(values) and all(isinstance(v, bytes) and v.startswith(PNG) for v in values)


def _same_image(image: bytes, reference: bytes) -> bool:
    pixels, expected = (tf.io.decode_png(data, 3).numpy() for data in (image, reference))
    return pixels.shape == expected.shape and bool(
        np.mean((pixels != expected).any(axis=2)) <= PIXELS
    )


def _decode_utf8(value):
    if isinstance(value, list):
        return [_decode_utf8(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _decode_base64_text(value):
    return _decode_utf8(_decode_base64(value))
