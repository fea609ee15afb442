"""Encoded images to arrays, in integer arithmetic that a TensorFlow graph reproduces exactly.

Training and serving must see the same numbers, so the rule is written down here and
`image_classification/serve.py` follows it with TensorFlow's operations:

1. JPEG or PNG, distinguished by the first bytes, is decoded to 8-bit red, green, blue. An alpha
   channel and the EXIF orientation are ignored; of an animation, the first image counts. JPEG uses
   the accurate integer transform, which is Pillow's default and an option of TensorFlow's. CMYK
   becomes (255 - C) (255 - K) // 255, and so on; without Adobe's marker it is refused, because
   programs differ in whether its values are inverted. So are 16-bit grey values, and PNG files
   that `png_chunks` does.
2. For one channel, grey = (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R BT.601 in 16 bits).
3. With `crop`, only the centre is used: of the largest rectangle with the aspect ratio of the
   output, so many per mille of each side, rounded down. Without it the whole image is used, and
   squeezed where its aspect ratio differs.
4. The result is resized, first its height and then its width, by a triangle filter: bilinear when
   it grows; when it shrinks, widened in proportion (antialiased). Weights and sums are integers and
   each of the two passes rounds half up, so the result does not depend on the order of summation
   or the precision. Pillow's BILINEAR, in fixed point, differs by 1 at most.
5. With `permutation_seed`, the pixels are put in one random order, the same for all images.
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
from pipelines.preprocessing import image_kinds, png_chunks

JPEG, PNG = b"\xff\xd8\xff", png_chunks.SIGNATURE
ADOBE = b"\x00\x0eAdobe"  # how the segment begins by which libjpeg knows inverted CMYK
GREY_RGB, GREY_HALF, GREY_BITS = (19595, 38470, 7471), 32768, 16
PER_MILLE = 1000
MAX_PIXELS = 25_000_000  # decoding takes about 40 bytes per pixel
PROBLEMS = {
    "image-format": "not a JPEG or PNG file",
    "image-depth": "16-bit grey values; save it with 8 bits",
    "image-cmyk": "CMYK without the Adobe marker, which programs read differently; save it as RGB",
}  # what the served graph answers, too
DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


@dataclass(frozen=True)
class Reader:
    """Encoded bytes -> (height, width, channels) uint8."""

    height: int
    width: int
    channels: int
    max_pixels: int = MAX_PIXELS
    crop: int | None = None  # per mille
    permutation_seed: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.height, self.width, self.channels

    def __call__(self, data: bytes, name: str) -> np.ndarray:
        """name: of the file, for errors."""
        image = decode(data, name, self.max_pixels)
        if self.channels == 1:
            image = grey(image)
        if self.crop is not None:
            image = centre_crop(image, self.height, self.width, self.crop)
        image = resize(image, self.height, self.width)
        if self.permutation_seed is None:
            return image
        order = pixel_order(self.height * self.width, self.permutation_seed)
        return image.reshape(-1, self.channels)[order].reshape(image.shape)

    def save(self, path: Path) -> None:
        """Writes the fields; those that may be absent only where they are there."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        path.write_text(json.dumps(fields) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Reader":
        return cls(**json.loads(path.read_text("utf-8")))


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """(height, width, 3) uint8.

    Args:
        data: a JPEG or PNG file.
        name: of the file, for errors.
        max_pixels: larger images are refused before they are decoded.

    Raises:
        UserError: another kind of file, a damaged or too large one, 16-bit grey values, or CMYK
            without Adobe's marker.
    """
    if not data.startswith((JPEG, PNG)):
        raise UserError("image-format", image_kinds.refusal(data), path=name)
    is_png = data.startswith(PNG)
    if is_png and png_chunks.is_high_grey(data):
        raise UserError("image-depth", PROBLEMS["image-depth"], path=name, value=16)
    try:
        source = png_chunks.image_chunks(data, max_pixels) if is_png else data
        with Image.open(io.BytesIO(source), formats=("JPEG", "PNG")) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise UserError(
                    "image-too-large",
                    f"{width} x {height} pixels; at most {max_pixels:,} are read: shrink it, or "
                    "raise max_pixels",
                    path=name, key="max_pixels", value=(width, height),
                )  # fmt: skip
            if image.mode == "CMYK":
                if "adobe" not in image.info or ADOBE not in data:
                    raise UserError("image-cmyk", PROBLEMS["image-cmyk"], path=name)
                return cmyk_to_rgb(np.asarray(image))
            return np.asarray(image.convert("RGB"))
    except UnidentifiedImageError:
        raise UserError(
            "image-damaged", "not a readable image; fix or remove it", path=name
        ) from None
    except DECODING_ERRORS as error:
        raise UserError(
            "image-damaged", f"damaged image ({error}); fix or remove it", path=name
        ) from None
    except Image.DecompressionBombError:
        raise UserError("image-too-large", "far too many pixels; shrink it", path=name) from None


def cmyk_to_rgb(image: np.ndarray) -> np.ndarray:
    """(height, width, 4) uint8 -> (height, width, 3) uint8."""
    light = 255 - image.astype(np.int32)
    return (light[..., :3] * light[..., 3:] // 255).astype(np.uint8)


def grey(image: np.ndarray) -> np.ndarray:
    """(height, width, 3) uint8 -> (height, width, 1) uint8."""
    total = image.astype(np.int32) @ np.array(GREY_RGB, np.int32)
    return ((total + GREY_HALF) >> GREY_BITS).astype(np.uint8)[..., None]


def centre_crop(image: np.ndarray, height: int, width: int, share: int) -> np.ndarray:
    """(h, w, c) -> its centre in the ratio height : width, `share` per mille of the largest."""
    sides = image.shape[:2]
    tall = max(1, min(sides[0], sides[1] * height // width) * share // PER_MILLE)
    wide = max(1, min(sides[1], sides[0] * width // height) * share // PER_MILLE)
    top, left = (sides[0] - tall) // 2, (sides[1] - wide) // 2
    return image[top : top + tall, left : left + wide]


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, c) uint8 -> (height, width, c) uint8, by the triangle filter."""
    tall = _resize_height(image, height)
    return _resize_height(tall.transpose(1, 0, 2), width).transpose(1, 0, 2)


def _resize_height(image: np.ndarray, length: int) -> np.ndarray:
    """(size, w, c) uint8 -> (length, w, c) uint8."""
    size = image.shape[0]
    if size == length:
        return image  # as the weights would give: all are 0 but one
    weights = triangle(size, length)
    total = weights.sum(axis=1)[:, None, None]
    # Integers below 2**53 are exact in float64, in any order of summation, and BLAS needs floats.
    flat = image.reshape(size, -1).astype(np.float64)
    sums = (weights.astype(np.float64) @ flat).astype(np.int64)
    sums = sums.reshape(length, *image.shape[1:])
    return ((2 * sums + total) // (2 * total)).astype(np.uint8)


def triangle(size: int, length: int) -> np.ndarray:
    """Weights (length, size), int64, of `size` pixels in each of `length`.

    Distances between pixel centres are counted in units of 1/(2 length) of an old pixel; the
    triangle falls to 0 at the distance of one old or one new pixel, whichever is wider.
    """
    new, old = np.arange(length)[:, None], np.arange(size)[None, :]
    distance = np.abs((2 * new + 1) * size - (2 * old + 1) * length)
    return np.maximum(0, 2 * max(size, length) - distance).astype(np.int64)


def pixel_order(count: int, seed: int) -> np.ndarray:
    """The random order that `seed` stands for: which pixel, counted row by row, comes where."""
    return np.random.default_rng(seed).permutation(count)


def png(image: np.ndarray) -> bytes:
    """(height, width, 1 or 3) uint8 as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(stream, "PNG")
    return stream.getvalue()


def fingerprint(image: np.ndarray) -> str:
    """Equal for images of the same size and the same pixels."""
    return hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest()
