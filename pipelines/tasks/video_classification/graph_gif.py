"""Animated GIF files to arrays in the graph, so that a client sends a file as it is.

Blocks and rule are those of `preprocessing/gif_files.py` and `preprocessing/video_decoding.py`.
TensorFlow's own reading of animations leaves out what becomes of a frame when the next is drawn,
and allocates all frames at once; here it decodes one frame at a time, after all have been counted.
Of a file whose compressed numbers are damaged, which is refused there, it answers about what can
be read. Shapes: n frames in the file, T selected.
"""

import numpy as np
import tensorflow as tf

from pipelines.preprocessing import gif_files, image_decoding
from pipelines.preprocessing.gif_files import PROBLEMS
from pipelines.preprocessing.video_decoding import VideoReader
from pipelines.tasks.image_classification.graph_reader import resize_axis

INPUT = "video_bytes"
PARALLEL = 4  # files decoded at a time
FIELDS = 12  # of `gif_files.Frame`, in its order
LONGEST_HEAD = 10 + 3 * gif_files.COLOURS + 8  # zeros behind the file, so that all can be looked at


class GraphVideoReader(tf.Module):
    """`VideoReader` in TensorFlow: (B,) strings -> (B, T, height, width, channels) uint8.

    Fails with INVALID_ARGUMENT, and a sentence, for what the other one rejects.
    """

    def __init__(self, reader: VideoReader):
        super().__init__()
        self.rule = reader

    def __call__(self, files):
        shape = tf.TensorSpec(self.rule.shape, tf.uint8)
        return tf.map_fn(self.read, files, fn_output_signature=shape, parallel_iterations=PARALLEL)

    def read(self, file):
        """A scalar string -> (T, height, width, channels) uint8."""
        is_gif = tf.reduce_any(tf.strings.substr(file, 0, 6) == list(gif_files.SIGNATURES))
        with tf.control_dependencies([require(is_gif, "video-format")]):
            values = tf.cast(tf.io.decode_raw(file, tf.uint8), tf.int32)
        with tf.control_dependencies([require(tf.size(values) > gif_files.HEAD, "video-damaged")]):
            width, height = number(values, 6), number(values, 8)
        pixels = tf.cast(width, tf.int64) * tf.cast(height, tf.int64)
        frames = layout(values, pixels, self.rule.max_pixels)
        checks = [
            require(tf.shape(frames)[0] >= 2, "video-frames"),
            require(are_whole(frames, width, height), "video-outside"),
        ]
        with tf.control_dependencies(checks):
            frames = tf.identity(frames)
        numbers = moments(frames[:, 9], self.rule.frames)
        return self._selected(file, values, frames, numbers, (height, width))

    def _selected(self, file, values, frames, numbers, size):
        def step(place, below, selected):
            screen, left = drawn(file, values, frames[place], below)
            is_selected = numbers == place  # (T,)
            selected = tf.cond(
                tf.reduce_any(is_selected),
                lambda: tf.where(is_selected[:, None, None, None], self.fit(screen), selected),
                lambda: selected,
            )
            return place + 1, left, selected

        blank = tf.zeros((*size, 3), tf.int32)
        selected = tf.zeros(self.rule.shape, tf.uint8)
        *_, selected = tf.while_loop(
            lambda place, *_: place < tf.shape(frames)[0], step, (0, blank, selected),
            shape_invariants=(tf.TensorShape(()), tf.TensorShape((None, None, 3)), selected.shape),
            parallel_iterations=1,
        )  # fmt: skip
        return selected

    def fit(self, image):
        """(h, w, 3) int32 -> (height, width, channels) uint8."""
        rule = self.rule
        if rule.channels == 1:
            total = tf.reduce_sum(image * tf.constant(image_decoding.GREY_RGB), 2, keepdims=True)
            image = tf.bitwise.right_shift(
                total + image_decoding.GREY_HALF, image_decoding.GREY_BITS
            )
        tall = resize_axis(image, rule.height)
        wide = tf.transpose(resize_axis(tf.transpose(tall, (1, 0, 2)), rule.width), (1, 0, 2))
        return tf.cast(tf.ensure_shape(wide, rule.shape[1:]), tf.uint8)


def require(condition, code: str):
    """An operation that fails with the words of `gif_files.PROBLEMS`."""
    return tf.debugging.Assert(condition, [f"{INPUT}: {PROBLEMS[code]}"])


def layout(values, pixels, max_pixels: int):
    """(n, FIELDS) int32: `gif_files.layout` of (size,) bytes."""
    ends, size = ends_of_chains(values), tf.size(values)
    values = tf.concat([values, tf.zeros(LONGEST_HEAD, tf.int32)], 0)
    shared = colours_of(values[10])
    none = tf.constant([0, gif_files.KEEP, gif_files.OPAQUE])
    room = max_pixels // tf.maximum(pixels, 1)

    def goes_on(position, control, frames, count, is_sound):
        is_open = is_sound & (position < size) & (tf.cast(count, tf.int64) <= room)
        return is_open & (values[tf.minimum(position, size)] != gif_files.END)

    def step(position, control, frames, count, is_sound):
        is_image = values[position] == gif_files.IMAGE
        is_extension = values[position] == gif_files.EXTENSION
        is_control = is_extension & (values[position + 1] == gif_files.CONTROL)
        frame, is_frame = frame_at(values, ends, position, shared, control)
        end = tf.where(is_image, frame[8], ends[tf.minimum(position + 2, size)])
        control = tf.where(is_control, control_at(values, position), control)
        frames = tf.cond(is_image, lambda: frames.write(count, frame), lambda: frames)
        is_sound = (is_extension | (is_image & is_frame)) & (end <= size)
        return (
            end, tf.where(is_image, none, control), frames, count + tf.cast(is_image, tf.int32),
            is_sound,
        )  # fmt: skip

    empty = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=(FIELDS,))
    start = gif_files.HEAD + 3 * shared
    position, _, frames, count, is_sound = tf.while_loop(
        goes_on, step, (start, none, empty, 0, True), parallel_iterations=1
    )
    few = tf.cast(count, tf.int64) <= room
    checks = [
        require(few, "video-too-large"), require(~few | (is_sound & (position < size)),
                                                 "video-damaged"),
    ]  # fmt: skip
    with tf.control_dependencies(checks):
        return frames.stack()


def ends_of_chains(values):
    """(size + 1,) the place behind the chain of blocks that would begin at each; size + 1 where it
    has no end.

    Each place points at the block behind it, an end at itself. By following all pointers at once,
    again and again, chains of any length are passed in a few steps (pointer doubling).
    """
    size = tf.size(values)
    places = tf.range(size)
    following = tf.where(values == 0, places, tf.minimum(places + 1 + values, size))
    following = tf.concat([following, [size]], 0)
    (last,) = tf.while_loop(
        lambda pointers: tf.reduce_any(tf.gather(pointers, pointers) != pointers),
        lambda pointers: [tf.gather(pointers, pointers)], [following],
    )  # fmt: skip
    return last + 1


def frame_at(values, ends, position, shared, control):
    """(the FIELDS of a frame, whether the shortest code has a length that it can have)."""
    place = tf.minimum(position, tf.size(ends) - 1)
    flags = values[place + 9]
    local = colours_of(flags)
    data = place + 10 + 3 * local
    end = ends[tf.minimum(data + 1, tf.size(ends) - 1)]
    frame = tf.stack([
        number(values, place + 1), number(values, place + 3), number(values, place + 5),
        number(values, place + 7), tf.where(local > 0, place + 10, gif_files.HEAD),
        tf.where(local > 0, local, shared), flags & gif_files.INTERLACED, data, end,
        control[0], control[1], control[2],
    ])  # fmt: skip
    return frame, (values[data] >= 2) & (values[data] <= 8)


def control_at(values, position):
    """(delay, disposal, transparent colour) for the next frame; a short block says nothing."""
    flags = values[position + 3]
    transparent = tf.where(flags % 2 == 1, values[position + 6], gif_files.OPAQUE)
    return tf.stack([number(values, position + 4), flags // 4 % 8, transparent])


def number(values, at):
    return values[at] + 256 * values[at + 1]


def colours_of(flags):
    has_palette = flags >= gif_files.HAS_PALETTE
    return tf.where(has_palette, tf.bitwise.left_shift(2, flags % 8), 0)


def are_whole(frames, width, height):
    """Whether all have pixels and colours, and are inside the screen."""
    right, bottom = frames[:, 0] + frames[:, 2], frames[:, 1] + frames[:, 3]
    inside = (right <= width) & (bottom <= height)
    return tf.reduce_all(inside & (tf.reduce_min(frames[:, 2:6], axis=1) > 0))


def moments(delays, count: int):
    """`video_decoding.moments` in the graph: (T,) int32."""
    delays = tf.where(delays == 0, gif_files.USUAL_DELAY, delays)
    ends = tf.cumsum(tf.cast(delays, tf.int64))
    middles = tf.constant(2 * np.arange(count) + 1, tf.int64) * ends[-1]
    return tf.searchsorted(2 * count * ends, middles, side="right")


def drawn(file, values, frame, below):
    """(the screen with a frame, what it leaves for the next one), (h, w, 3) int32 each."""
    left, top, width, height, palette, colours = tf.unstack(frame[:6])
    disposal, transparent = frame[10], frame[11]
    numbers = colour_numbers(file, frame)
    missing = gif_files.COLOURS - colours
    table = tf.reshape(values[palette : palette + 3 * colours], (-1, 3))
    table = tf.pad(table, [[0, missing], [0, 0]])
    screen_height, screen_width = tf.shape(below)[0], tf.shape(below)[1]
    around = [
        [top, screen_height - top - height], [left, screen_width - left - width], [0, 0]
    ]  # fmt: skip
    is_seen = tf.pad((numbers != transparent)[..., None], around)
    screen = tf.where(is_seen, tf.pad(tf.gather(table, numbers), around), below)
    part = tf.pad(tf.ones((height, width, 1), tf.bool), around)
    cleared = tf.where(part & (disposal == gif_files.CLEAR), 0, screen)
    return screen, tf.where(disposal == gif_files.RESTORE, below, cleared)


def colour_numbers(file, frame):
    """`gif_files.colour_numbers` in the graph: (height, width) int32."""
    size = tf.strings.join([_two_bytes(frame[2]), _two_bytes(frame[3])])
    head, middle = gif_files.single_frame(b"\0\0\0\0", 0, b"").split(gif_files.NUMBERS)
    data = tf.strings.substr(file, frame[7], frame[8] - frame[7])
    single = tf.strings.join([
        head[:6], size, head[10:], gif_files.NUMBERS, middle[:5], size, _byte(frame[6]), data,
        middle[-1:],
    ])  # fmt: skip
    image = tf.io.decode_gif(single)  # (1, height, width, 3)
    return tf.reshape(tf.cast(image[0, :, :, 0], tf.int32), (frame[3], frame[2]))


def _two_bytes(value):
    return tf.strings.join([_byte(value % 256), _byte(value // 256)])


def _byte(value):
    return tf.gather(tf.constant([bytes([byte]) for byte in range(256)]), value)
