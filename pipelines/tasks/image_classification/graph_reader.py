"""Encoded images to arrays in the graph, so that a client sends a file as it is.

Decoding and resizing follow the rule of `preprocessing/image_decoding.py` to the bit.
"""

import tensorflow as tf

from pipelines.preprocessing import image_decoding, png_chunks

PARALLEL = 4  # images decoded at a time: each may be as large as `max_pixels` allows


class GraphReader(tf.Module):
    """`image_decoding.Reader` in TensorFlow: (B,) strings -> (B, height, width, channels) uint8.

    Fails with INVALID_ARGUMENT, and a sentence, for what `image_decoding.decode` rejects.
    """

    def __init__(self, reader: image_decoding.Reader):
        super().__init__()
        self.rule = reader
        self.decoder = GraphDecoder(reader.channels, reader.max_pixels)

    def __call__(self, files):
        rule = self.rule
        shape = tf.TensorSpec((rule.height, rule.width, rule.channels), tf.uint8)
        return tf.map_fn(self.read, files, fn_output_signature=shape, parallel_iterations=PARALLEL)

    def read(self, file):
        image = self.decoder.decode(file)
        if self.rule.crop is not None:
            image = center_crop(image, self.rule.height, self.rule.width, self.rule.crop)
        tall = resize_axis(image, self.rule.height)
        wide = tf.transpose(resize_axis(tf.transpose(tall, (1, 0, 2)), self.rule.width), (1, 0, 2))
        shape = (self.rule.height, self.rule.width, self.rule.channels)
        wide = tf.ensure_shape(wide, shape)
        if self.rule.permutation_seed is not None:
            order = image_decoding.pixel_order(shape[0] * shape[1], self.rule.permutation_seed)
            wide = tf.reshape(tf.gather(tf.reshape(wide, (-1, shape[2])), order), shape)
        return tf.cast(wide, tf.uint8)


class GraphDecoder(tf.Module):
    """`image_decoding.decode`, and `grey` for one channel, in TensorFlow."""

    def __init__(self, channels: int, max_pixels: int):
        super().__init__()
        self.channels, self.max_pixels = channels, max_pixels

    def decode(self, file):
        """A scalar string -> (h, w, channels), of values 0 to 255."""
        is_png = tf.strings.substr(file, 0, len(image_decoding.PNG)) == image_decoding.PNG
        is_jpeg = tf.strings.substr(file, 0, len(image_decoding.JPEG)) == image_decoding.JPEG
        with tf.control_dependencies([require(is_png | is_jpeg, "image-format")]):
            pixels = tf.cond(is_png, lambda: png_pixels(file), lambda: jpeg_pixels(file))
        small = tf.debugging.Assert(
            pixels <= self.max_pixels, ["image_bytes: too many pixels:", pixels]
        )
        with tf.control_dependencies([small]):
            image = tf.cond(
                is_png,
                lambda: tf.io.decode_png(file, channels=3),
                lambda: tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE"),
            )
        if self.channels == 3:
            return image
        total = tf.reduce_sum(
            tf.cast(image, tf.int32) * tf.constant(image_decoding.GREY_RGB), axis=2, keepdims=True
        )
        return tf.bitwise.right_shift(total + image_decoding.GREY_HALF, image_decoding.GREY_BITS)


def require(condition, code: str):
    """An operation that fails with the words of `image_decoding.PROBLEMS`."""
    return tf.debugging.Assert(condition, [f"image_bytes: {image_decoding.PROBLEMS[code]}"])


def png_pixels(file):
    """From the header: bytes 16 to 23 are width and height, big-endian."""
    whole = tf.debugging.Assert(
        tf.strings.length(file) > png_chunks.COLOUR_AT, ["image_bytes: the PNG file is cut short"]
    )
    with tf.control_dependencies([whole]):
        kind = tf.strings.substr(file, png_chunks.DEPTH_AT, 2)
    is_high_grey = kind == bytes([16, png_chunks.GREY])
    with tf.control_dependencies([require(~is_high_grey, "image-depth")]):
        header = tf.io.decode_raw(tf.strings.substr(file, 16, 8), tf.int32, False)
    return tf.reduce_prod(tf.cast(header, tf.int64))


def jpeg_pixels(file):
    shape = tf.io.extract_jpeg_shape(file, tf.int64)
    is_cmyk = shape[2] == 4
    has_marker = tf.cond(is_cmyk, lambda: contains(file, image_decoding.ADOBE), lambda: True)
    with tf.control_dependencies([require(has_marker, "image-cmyk")]):
        return tf.reduce_prod(shape[:2])


def contains(file, sequence: bytes):
    """Whether the ASCII characters are somewhere in the file; \\C is any byte."""
    pattern = "".join(f"\\x{byte:02x}" for byte in sequence)
    return tf.strings.regex_full_match(file, rf"\C*{pattern}\C*")


def center_crop(image, height: int, width: int, share: int):
    """`image_decoding`'s crop in the graph."""
    sides = tf.shape(image, out_type=tf.int64)
    tall = tf.minimum(sides[0], sides[1] * height // width) * share // image_decoding.PER_MILLE
    wide = tf.minimum(sides[1], sides[0] * width // height) * share // image_decoding.PER_MILLE
    tall, wide = tf.maximum(tall, 1), tf.maximum(wide, 1)
    top, left = (sides[0] - tall) // 2, (sides[1] - wide) // 2
    return image[top : top + tall, left : left + wide]


def resize_axis(image, length: int):
    """`image_decoding`'s resizing in the graph: the first axis of (h, w, c) int32 to `length`."""
    size = tf.shape(image)[0]
    return tf.cond(
        size == length, lambda: tf.cast(image, tf.int32), lambda: _resized(image, length)
    )


def _resized(image, length: int):
    shape = tf.shape(image)
    size = shape[0]
    new, old = tf.range(length)[:, None], tf.range(size)[None, :]
    distance = tf.abs((2 * new + 1) * size - (2 * old + 1) * length)
    filter_ = tf.maximum(0, 2 * tf.maximum(size, length) - distance)
    filter_ = tf.cast(filter_, tf.float64)
    total = tf.cast(tf.reduce_sum(filter_, axis=1), tf.int64)[:, None]
    flat = tf.cast(tf.reshape(image, (size, -1)), tf.float64)
    sums = tf.cast(filter_ @ flat, tf.int64)
    rounded = tf.cast((2 * sums + total) // (2 * total), tf.int32)
    return tf.reshape(rounded, (length, shape[1], shape[2]))
