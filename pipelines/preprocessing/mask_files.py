"""Masks as PNG files: a class id for each pixel, read without rounding and written with a palette.

Pixels with the id IGNORED belong to no class; losses and metrics leave them out.
"""

import io

import numpy as np
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.preprocessing import image_decoding, png_chunks

IGNORED = 255
MAX_CLASSES = IGNORED
PALETTE_BITS = 8


def decode(data: bytes, name: str, max_pixels: int = image_decoding.MAX_PIXELS) -> np.ndarray:
    """(height, width) uint8: palette indices or grey values as they are in the file.

    Args:
        data: a PNG file.
        name: of the file, for errors.
        max_pixels: larger masks are refused before they are decoded.

    Raises:
        UserError: not a PNG, a damaged or too large one, one with 16 bits, or with colours that are
            not those of a palette.
    """
    if data.startswith(image_decoding.JPEG):
        raise UserError(
            "mask-format",
            "a JPEG changes the values of pixels, and they are class ids; save the mask as PNG, "
            "from where it was made",
            path=name,
        )
    if data.startswith(image_decoding.PNG) and data[24:25] == b"\x10":
        raise UserError("mask-depth", "16-bit values; save it with 8 bits", path=name, value=16)
    values = image_decoding.decode(data, name, max_pixels)  # refuses what is no whole PNG
    with Image.open(io.BytesIO(png_chunks.image_chunks(data, max_pixels))) as image:
        if image.mode in ("P", "L", "1"):
            return np.asarray(image if image.mode != "1" else image.convert("L"), np.uint8)
    if (values != values[..., :1]).any():
        raise UserError(
            "mask-colours",
            "it has colours, but no palette; save it as PNG with a palette or with grey values, "
            "one for each class",
            path=name,
        )
    return values[..., 0]


def encode(mask: np.ndarray) -> bytes:
    """A PNG file of (height, width) uint8 class ids, in the colours of `palette`."""
    image = Image.fromarray(np.asarray(mask, np.uint8), "P")
    image.putpalette(palette().tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def palette() -> np.ndarray:
    """(256, 3) uint8 colours by class id, those of PASCAL VOC's masks.

    The three lowest bits of an id are the highest of red, green and blue, the next three the next:
    0 is black, 1 red, 2 green, 3 yellow, 4 blue, 255 nearly white.

    Reference: Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010,
    https://doi.org/10.1007/s11263-009-0275-4; the rule is that of its development kit.
    """
    ids = np.arange(256)[:, None]
    colours = np.zeros((256, 3), np.int64)
    for place in range(PALETTE_BITS):
        colours |= ((ids >> (3 * place + np.arange(3))) & 1) << (PALETTE_BITS - 1 - place)
    return colours.astype(np.uint8)
