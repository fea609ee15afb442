"""The parts of a PNG file that hold the image, checked as the decoder of the served graph does.

Pillow reads files that libpng, which TensorFlow uses, refuses (without an end, with wrong check
sums), and refuses others for remarks that libpng passes over. Here both get one rule: the chunks
that make the image must be whole, and all others are left out.
Reference: https://www.w3.org/TR/png-3/#5DataRep
"""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
IMAGE_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> numbers a pixel
PALETTE, GREY = 3, 0  # colour types
DEPTH_AT, COLOUR_AT = 24, 25  # bytes of the file
# Adam7: first column, first row, and steps of each pass.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip


def image_chunks(data: bytes, max_pixels: int) -> bytes:
    """The PNG file without the chunks that do not make the image: text, transparency, profiles.

    Args:
        data: a file that begins with the signature.
        max_pixels: of a larger image the pixels are not looked at: it is refused elsewhere.

    Raises:
        ValueError: a chunk of the image is absent, doubled, cut short or has a wrong check sum.
    """
    chunks = list(_chunks(data))
    kinds = [kind for kind, _ in chunks]
    if kinds[:1] != [b"IHDR"] or kinds.count(b"IHDR") != 1 or len(chunks[0][1]) != 13:
        raise ValueError("no header at its beginning")
    if kinds[-1] != b"IEND":
        raise ValueError("no end: the file is cut short")
    unknown = [k for k in kinds if k[:1].isupper() and k not in IMAGE_CHUNKS]
    if unknown:
        raise ValueError(f"a chunk {unknown[0]!r}, which PNG does not have")
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if colour == PALETTE and b"PLTE" not in kinds:
        raise ValueError("no palette")
    if colour in SAMPLES and width * height <= max_pixels:
        pixels = b"".join(body for kind, body in chunks if kind == b"IDAT")
        _require_pixels(pixels, _size(width, height, depth * SAMPLES[colour], interlaced))
    selected = (_encode(kind, body) for kind, body in chunks if kind in IMAGE_CHUNKS)
    return SIGNATURE + b"".join(selected)


def is_high_grey(data: bytes) -> bool:
    """Whether a PNG file holds 16-bit grey values without an alpha channel."""
    return data[DEPTH_AT : COLOUR_AT + 1] == bytes([16, GREY])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) up to the end; check sums are compared where a chunk is of the image."""
    position = len(SIGNATURE)
    while position < len(data):
        if position + 12 > len(data):
            raise ValueError("the file is cut short")
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data) or not kind.isalpha():
            raise ValueError("the file is cut short")
        body = data[position + 8 : end]
        (check_sum,) = struct.unpack_from(">I", data, end)
        if kind[:1].isupper() and zlib.crc32(kind + body) != check_sum:
            raise ValueError(f"wrong check sum of {kind.decode()}")
        yield kind, body
        if kind == b"IEND":
            return
        position = end + 4


def _encode(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _require_pixels(compressed: bytes, size: int) -> None:
    unpacked = zlib.decompressobj().decompress(compressed, max(size, 1))
    if not size or len(unpacked) < size:
        raise ValueError("pixels are missing")


def _size(width: int, height: int, bits: int, interlaced: int) -> int:
    """Bytes of the rows, each after a byte that names its filter."""

    def rows(columns: int, count: int) -> int:
        return count * (1 + (columns * bits + 7) // 8) if columns else 0

    if not interlaced:
        return rows(width, height)
    return sum(
        rows(-(-max(0, width - left) // right), -(-max(0, height - top) // down))
        for left, top, right, down in PASSES
    )
