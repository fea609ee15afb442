"""Animated GIF files of any kind, written block by block."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

HEAD = 13 + 3 * 256  # bytes of a file before its frame


@dataclass(frozen=True)
class Part:
    """One frame: numbers (h, w) of colours, where it is, and how it is drawn."""

    numbers: np.ndarray
    left: int = 0
    top: int = 0
    palette: np.ndarray | None = None  # (2, 4, ... 256, 3); None: the screen's
    disposal: int = 0
    transparent: int | None = None
    delay: int = 10
    interlaced: bool = False


def gif(size: tuple[int, int], palette: np.ndarray, parts: Sequence[Part]) -> bytes:
    """size: height, width. palette: (256, 3) uint8 of the screen."""
    blocks = [b"GIF89a", _pair(size[1]), _pair(size[0]), bytes([0xF7, 0, 0]), palette.tobytes()]
    for part in parts:
        flags = part.disposal << 2 | (part.transparent is not None)
        blocks += [
            b"\x21\xfe\x03abc\x00",  # a comment
            bytes([0x21, 0xF9, 4, flags]), _pair(part.delay), bytes([part.transparent or 0, 0]),
            b"\x2c", *map(_pair, (part.left, part.top, *part.numbers.shape[::-1])),
        ]  # fmt: skip
        colours = 0 if part.palette is None else 0x80 | len(part.palette).bit_length() - 2
        blocks += [bytes([colours | 0x40 * part.interlaced])]
        blocks += [b"" if part.palette is None else part.palette.tobytes()]
        blocks += [compressed(part.numbers, part.interlaced)]
    return b"".join(blocks) + b"\x3b"


def compressed(numbers: np.ndarray, interlaced: bool = False) -> bytes:
    """The colour numbers as a GIF file has them: Pillow's own file of all 256 of them."""
    rows = np.arange(len(numbers))
    if interlaced:  # the file's order of rows is every 8th, every 8th from 4, from 2 by 4, from 1
        order = np.concatenate([rows[0::8], rows[4::8], rows[2::4], rows[1::2]])
        numbers = numbers[order]
    whole = np.zeros((len(numbers) + 256, numbers.shape[1]), np.uint8)
    whole[: len(numbers)] = numbers
    for number in range(256):  # all numbers are there, so none gets another one
        whole[len(numbers) + number] = number
    stream = io.BytesIO()
    Image.fromarray(whole).save(stream, "GIF", optimize=False, interlace=0)
    data = stream.getvalue()
    return data[data.index(b"\x2c", HEAD) + 10 : -1]  # rows beyond the frame are passed over


def _pair(value: int) -> bytes:
    return int(value).to_bytes(2, "little")


def random_gif(
    rng: np.random.Generator, frames: int = 5, size: tuple[int, int] = (13, 17)
) -> bytes:
    """Parts anywhere, transparent colours, palettes of their own, every disposal."""
    parts = []
    for _ in range(frames):
        high, wide = (int(rng.integers(1, side + 1)) for side in size)
        own = None if rng.random() < 0.5 else colours(rng, int(2 ** rng.integers(1, 9)))
        parts.append(Part(
            rng.integers(0, 256, (high, wide)).astype(np.uint8),
            int(rng.integers(0, size[1] - wide + 1)), int(rng.integers(0, size[0] - high + 1)),
            own, int(rng.integers(0, 4)), None if rng.random() < 0.4 else int(rng.integers(0, 4)),
            int(rng.integers(0, 30)), bool(rng.random() < 0.5),
        ))  # fmt: skip
    return gif(size, colours(rng, 256), parts)


def colours(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 256, (count, 3)).astype(np.uint8)
