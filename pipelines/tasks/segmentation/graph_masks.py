"""Images in and masks out, in the graph: decoding at the image's own size, PNG with a palette."""

import struct
import zlib

import tensorflow as tf

from pipelines.preprocessing import image_decoding, mask_files
from pipelines.preprocessing.image_sizes import AnySizeReader
from pipelines.tasks.image_classification import graph_reader

HEADER_AT, HEADER_BYTES = 8, 25  # the chunk IHDR: length, name, 13 bytes, checksum
COLOUR_TYPE_AT = 25
PALETTE_TYPE = bytes([3])
POLYNOMIAL = 0xEDB88320  # of CRC-32


class GraphAnySizeReader(tf.Module):
    """`AnySizeReader` in TensorFlow."""

    def __init__(self, reader: AnySizeReader):
        super().__init__()
        self.rule = reader
        self.decoder = graph_reader.GraphDecoder(reader.channels, reader.max_pixels)

    def read(self, file):
        """(image (h, w, c) uint8 as a model sees it, (2,) its height and width in the file)."""
        image = self.decoder.decode(file)
        size = tf.shape(image)[:2]
        image = tf.cast(image, tf.int32)
        if self.rule.max_side is not None:
            height, width = self._working_size(size)
            tall = graph_reader.resize_axis(image, height)
            wide = graph_reader.resize_axis(tf.transpose(tall, (1, 0, 2)), width)
            image = tf.transpose(wide, (1, 0, 2))
        image = tf.ensure_shape(image, (None, None, self.rule.channels))
        return tf.cast(image, tf.uint8), size

    def _working_size(self, size):
        longest, side = tf.reduce_max(size), self.rule.max_side
        shrunk = tf.maximum(1, (2 * size * side + longest) // (2 * longest))
        return tf.unstack(tf.where(longest <= side, size, shrunk), num=2)


def resize_nearest(values, size):
    """`image_sizes.resize_nearest` in the graph, of (h, w, ...)."""
    for axis in (0, 1):
        old = tf.shape(values)[axis]
        indices = (2 * tf.range(size[axis]) + 1) * old // (2 * size[axis])
        values = tf.gather(values, indices, axis=axis)
    return values


class PalettePng(tf.Module):
    """(h, w) uint8 class ids -> a PNG file with the palette of `mask_files`.

    TensorFlow writes grey PNG files. The palette is a chunk after the header, and the header says
    that there is one, so its checksum is computed again.
    """

    def __init__(self):
        super().__init__()
        colours = mask_files.palette().tobytes()
        chunk = b"PLTE" + colours
        self.palette = struct.pack(">I", len(colours)) + chunk + struct.pack(
            ">I", zlib.crc32(chunk)
        )  # fmt: skip
        self.table = [_crc_of_byte(byte) for byte in range(256)]

    def encode(self, mask):
        grey = tf.io.encode_png(mask[..., None])
        header = tf.strings.join([
            tf.strings.substr(grey, HEADER_AT + 4, COLOUR_TYPE_AT - HEADER_AT - 4), PALETTE_TYPE,
            tf.strings.substr(grey, COLOUR_TYPE_AT + 1, 3),
        ])  # fmt: skip
        rest = tf.strings.substr(grey, HEADER_AT + HEADER_BYTES, tf.strings.length(grey))
        return tf.strings.join([
            image_decoding.PNG, struct.pack(">I", 13), header, self._checksum(header),
            self.palette, rest,
        ])  # fmt: skip

    def _checksum(self, data):
        """CRC-32 of the 17 bytes of name and content of the header, as four bytes."""
        values = tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int64)
        table = tf.constant(self.table, tf.int64)
        value = tf.constant(0xFFFFFFFF, tf.int64)
        for place in range(17):
            index = tf.bitwise.bitwise_and(tf.bitwise.bitwise_xor(value, values[place]), 255)
            shifted = tf.bitwise.right_shift(value, tf.constant(8, tf.int64))
            value = tf.bitwise.bitwise_xor(shifted, tf.gather(table, index))
        value = tf.bitwise.bitwise_xor(value, 0xFFFFFFFF)
        letters = tf.constant([bytes([byte]) for byte in range(256)])
        parts = [tf.gather(letters, value // 2**bits % 256) for bits in (24, 16, 8, 0)]
        return tf.strings.join(parts)


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
    return byte
