"""JPEG and PNG files for tests."""

import io

import numpy as np
from PIL import Image

SCAN = b"\xff\xda"


def jpeg(height: int, width: int, **options) -> bytes:
    """options: of Pillow's `save`, such as progressive."""
    return _file(height, width, "JPEG", **options)


def png(height: int, width: int) -> bytes:
    return _file(height, width, "PNG")


def _file(height: int, width: int, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def with_scans(data: bytes, count: int) -> bytes:
    """A JPEG with further scans, which hold no data: each is the head of its last one."""
    start = data.rindex(SCAN)
    length = 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:-2] + data[start : start + length] * count + data[-2:]
