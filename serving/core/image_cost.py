"""What decoding an image costs, from its first bytes and without decoding it.

A JPEG of a few kilobytes can have 65,500 x 65,500 pixels, and each of its scans passes over all of
them: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annexes B and G. The cost of an image is its
pixels times its scans. That of a GIF is the pixels of its screen times its frames. Files of other
kinds cost nothing here; a graph that decodes them limits them itself.
"""

import struct
from dataclasses import dataclass

from serving.errors import BadRequest

JPEG, PNG, GIF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF8"
MAGIC = (JPEG, PNG, GIF)
START_OF_SCAN = b"\xff\xda"
# Markers of frames (SOF0 to SOF15) without those of tables in the same range: DHT, JPG, DAC.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])
MAX_MARKERS = 1000  # before the frame's, fill bytes included; cameras write a few dozen
SIZE = struct.Struct(">HH")
PNG_SIZE, GIF_SIZE = struct.Struct(">II"), struct.Struct("<HH")
# A frame of a GIF begins with a comma, and what is before it, if not a palette, ends with a 0.
START_OF_FRAME = b"\0,"


@dataclass(frozen=True)
class ImageCost:
    """scans: an upper bound. Where the header has no size, pixels is 0: it will not be decoded."""

    pixels: int
    scans: int

    @property
    def work(self) -> int:
        return self.pixels * self.scans


def image_cost(data: bytes) -> ImageCost:
    """data: begins as MAGIC says."""
    if data.startswith(JPEG):
        # Within compressed data 0xFF is followed by 0, so these bytes begin a scan, unless they
        # are in a comment or a thumbnail.
        return ImageCost(jpeg_pixels(data), max(1, data.count(START_OF_SCAN)))
    if data.startswith(GIF):
        return ImageCost(gif_pixels(data), 1)
    return ImageCost(png_pixels(data), 1)


def gif_pixels(data: bytes) -> int:
    """Of all frames together: an upper bound, which chance makes a little too high."""
    if len(data) < 10:
        return 0
    width, height = GIF_SIZE.unpack_from(data, 6)
    return width * height * (1 + data.count(START_OF_FRAME))


def png_pixels(data: bytes) -> int:
    if len(data) < 24:
        return 0
    width, height = PNG_SIZE.unpack_from(data, 16)
    return width * height


def jpeg_pixels(data: bytes) -> int:
    """Pixels of the first frame, found as libjpeg finds it.

    Raises:
        BadRequest: there are too many markers before it.
    """
    position = len(JPEG)
    for _ in range(MAX_MARKERS):
        position = data.find(b"\xff", position) + 1
        if not position or position + 8 > len(data):
            return 0
        marker = data[position]
        if marker == 0xFF:  # a fill byte before a marker
            continue
        position += 1
        if marker in FRAMES:
            height, width = SIZE.unpack_from(data, position + 3)  # after length and precision
            return width * height
        if marker and marker not in WITHOUT_LENGTH:
            position += int.from_bytes(data[position : position + 2], "big")
    raise BadRequest(f"a JPEG with more than {MAX_MARKERS} markers before its image")
