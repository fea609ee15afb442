"""Encoded pictures to arrays, in integer arithmetic that a TensorFlow graph repeats to the bit.

What is learned from and what is served must be the same numbers, so the rule is written down here
and `image_classification/serve.py` follows it with TensorFlow's operations:

1. JPEG or PNG, told apart by the first bytes, is decoded to 8-bit red, green, blue. An alpha
   channel is left out, as is the orientation note of a camera. JPEG uses the accurate integer
   transform, which is Pillow's default and an option of TensorFlow's.
2. For one channel, grey = (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R BT.601 in 16 bits).
3. With `crop`, only the middle goes on: of the largest part that has the wanted size's ratio of
   sides, so many per mille of each side, rounded down. Without it the whole picture does, and is
   squeezed where its ratio is another one.
4. What goes on is stretched to the wanted size, first its height and then its width, by a triangle
   filter: bilinear when it grows; when it shrinks, as wide as the shrinking asks (antialiased).
   Weights and sums are integers and each of the two passes rounds half up, so there is no order of
   summation or precision to agree on. Pillow's BILINEAR, in fixed point, differs by 1 at most.
"""

import hashlib
import io
import json
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipelines.config.errors import UserError

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
GREY_RGB, GREY_HALF, GREY_BITS = (19595, 38470, 7471), 32768, 16
PER_MILLE = 1000
MAX_PIXELS = 25_000_000  # decoding takes some 40 bytes a pixel
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "F")
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


@dataclass(frozen=True)
class Reader:
    """Encoded bytes -> (height, width, channels) uint8."""

    height: int
    width: int
    channels: int
    max_pixels: int = MAX_PIXELS
    crop: int | None = None  # per mille

    def __call__(self, data: bytes, name: str) -> np.ndarray:
        """name: of the file, for the message of `UserError`."""
        picture = decode(data, name, self.max_pixels)
        if self.channels == 1:
            picture = grey(picture)
        if self.crop is not None:
            picture = middle(picture, self.height, self.width, self.crop)
        return resize(picture, self.height, self.width)

    def save(self, path: Path) -> None:
        """`crop` only where there is one: the file of other data sets stays what it was."""
        rule = {name: value for name, value in asdict(self).items() if value is not None}
        path.write_text(json.dumps(rule) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Reader":
        return cls(**json.loads(path.read_text("utf-8")))


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """(height, width, 3) uint8. UserError: anything but a whole JPEG or PNG of bearable size."""
    if not data.startswith((JPEG, PNG)):
        raise UserError(f"{name}: {_looks_like(data)}; give a JPEG or PNG file")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            width, height = picture.size
            if width * height > max_pixels:
                raise UserError(
                    f"{name}: {width} x {height} pixels; at most {max_pixels:,} are read: shrink "
                    "it, or raise max_pixels"
                )
            if picture.mode in DEEP_MODES:
                raise UserError(f"{name}: 16-bit or float grey values; save it with 8 bits")
            return np.asarray(picture.convert("RGB"))
    except UnidentifiedImageError:
        raise UserError(f"{name}: not a readable picture; mend or remove it") from None
    except BROKEN as error:
        raise UserError(f"{name}: damaged picture ({error}); mend or remove it") from None
    except Image.DecompressionBombError:
        raise UserError(f"{name}: far too many pixels; shrink it") from None


def _looks_like(data: bytes) -> str:
    known = {
        b"GIF8": "a GIF",
        b"BM": "a BMP",
        b"RIFF": "a WebP",
        b"II*": "a TIFF",
        b"MM\0*": "a TIFF",
    }
    found = next((kind for start, kind in known.items() if data.startswith(start)), None)
    if found is None:
        return "the file is empty" if not data else "not a picture"
    return f"{found} file"


def grey(picture: np.ndarray) -> np.ndarray:
    """(height, width, 3) uint8 -> (height, width, 1) uint8."""
    total = picture.astype(np.int32) @ np.array(GREY_RGB, np.int32)
    return ((total + GREY_HALF) >> GREY_BITS).astype(np.uint8)[..., None]


def middle(picture: np.ndarray, height: int, width: int, share: int) -> np.ndarray:
    """(h, w, c) -> its middle in the ratio height : width, `share` per mille of the most."""
    sides = picture.shape[:2]
    tall = max(1, min(sides[0], sides[1] * height // width) * share // PER_MILLE)
    wide = max(1, min(sides[1], sides[0] * width // height) * share // PER_MILLE)
    top, left = (sides[0] - tall) // 2, (sides[1] - wide) // 2
    return picture[top : top + tall, left : left + wide]


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, c) uint8 -> (height, width, c) uint8."""
    tall = _stretch(picture, height)
    return _stretch(tall.transpose(1, 0, 2), width).transpose(1, 0, 2)


def _stretch(picture: np.ndarray, length: int) -> np.ndarray:
    """The first axis to `length`."""
    size = picture.shape[0]
    if size == length:
        return picture  # what the weights would give as well: all 0 but one
    weights = triangle(size, length)
    total = weights.sum(axis=1)[:, None, None]
    # Whole numbers below 2**53 are exact in float64, in any order, and it is what BLAS multiplies.
    flat = picture.reshape(size, -1).astype(np.float64)
    sums = (weights.astype(np.float64) @ flat).astype(np.int64)
    sums = sums.reshape(length, *picture.shape[1:])
    return ((2 * sums + total) // (2 * total)).astype(np.uint8)


def triangle(size: int, length: int) -> np.ndarray:
    """Weights (length, size), int64, of `size` pixels in each of `length`.

    Distances between pixel centres are counted in units of 1/(2 length) of an old pixel; the
    triangle falls to 0 at the distance of one old or one new pixel, whichever is wider.
    """
    new, old = np.arange(length)[:, None], np.arange(size)[None, :]
    distance = np.abs((2 * new + 1) * size - (2 * old + 1) * length)
    return np.maximum(0, 2 * max(size, length) - distance).astype(np.int64)


def png(picture: np.ndarray) -> bytes:
    """(height, width, 1 or 3) uint8 as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(stream, "PNG")
    return stream.getvalue()


def fingerprint(picture: np.ndarray) -> str:
    """Equal for pictures that are equal to a model: same size, same pixels."""
    return hashlib.sha256(str(picture.shape).encode() + picture.tobytes()).hexdigest()
