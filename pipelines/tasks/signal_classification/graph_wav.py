"""WAV files to windows in the graph, so that a client sends a file as it is.

The rules are those of pipelines/preprocessing/wav_files.py and signal_windows.py, to the bit. What
`wav_files.decode` refuses fails with INVALID_ARGUMENT and the same sentence, and so does a file
with another sampling rate than that of train.
"""

import tensorflow as tf

from pipelines.preprocessing import wav_files
from pipelines.preprocessing.signal_windows import Windows
from pipelines.preprocessing.wav_files import EXTENSIBLE, FLOAT, FORMATS, PCM

INPUT = "wav_bytes"
HEADER, EXTENDED = 16, 26  # bytes of the chunk "fmt " that are read; with the kind of an extensible
PARALLEL = 4  # files at a time


class GraphWavReader(tf.Module):
    """(B,) strings -> the windows of all files (N, T, 1) float32, and the number of each one's file
    (N,) int64."""

    def __init__(self, windows: Windows):
        super().__init__()
        self.windows = windows

    def __call__(self, files):
        length = self.windows.length
        cut = tf.map_fn(
            self.read, files, parallel_iterations=PARALLEL,
            fn_output_signature=tf.RaggedTensorSpec([None, length], tf.float32, ragged_rank=0),
        )  # fmt: skip
        return tf.ensure_shape(cut.values, (None, length))[..., None], cut.value_rowids()

    def read(self, file):
        """A scalar string -> (windows, T)."""
        length, hop = self.windows.length, self.windows.hop
        samples = self.decode(file)
        missing = tf.maximum(0, length - tf.size(samples))
        padded = tf.pad(samples, [[0, missing]])
        return tf.signal.frame(padded, length, hop)

    def decode(self, file):
        """A scalar string -> (n,) float32, the mean of the channels."""
        is_wav = (tf.strings.substr(file, 0, 4) == b"RIFF") & _is_at(file, 8, b"WAVE")
        with tf.control_dependencies([require(is_wav, "wav-kind")]):
            header, content = find_chunks(file)
        kind, channels, bits = (little_endian(header, at, 2) for at in (0, 2, 14))
        extended = tf.strings.length(header) >= EXTENDED
        kind = tf.cond(
            (kind == EXTENSIBLE) & extended, lambda: little_endian(header, 24, 2), lambda: kind
        )
        is_known = tf.reduce_any([(kind == k) & (bits == b) for k, b in sorted(FORMATS)])
        rate_hz = round(self.windows.rate_hz)
        fits = tf.debugging.Assert(
            little_endian(header, 4, 4) == rate_hz,
            [f"{INPUT}: the sampling rate is not {rate_hz} Hz, that of the training data"],
        )
        with tf.control_dependencies([require(is_known & (channels > 0), "wav-codec"), fits]):
            frame = channels * bits // 8
        whole = tf.strings.length(content) // frame * frame
        with tf.control_dependencies([require(whole > 0, "wav-empty")]):
            content = tf.strings.substr(content, 0, whole)
        samples = mixed_down(numbers(content, kind, bits), channels, kind, bits)
        finite = require(tf.reduce_all(tf.math.is_finite(samples)), "wav-not-finite")
        with tf.control_dependencies([finite]):
            return tf.identity(samples)


def require(condition, code: str):
    """An operation that fails with the words of `wav_files.PROBLEMS`."""
    return tf.debugging.Assert(condition, [f"{INPUT}: {wav_files.PROBLEMS[code]}"])


def find_chunks(file):
    """(content of "fmt ", content of "data"), of a file that has both, whole and in this order."""
    length = tf.strings.length(file)

    def step(at, header, data_at):
        size = chunk_size(file, at, length)
        name = tf.strings.substr(file, at, 4)
        content = tf.strings.substr(file, at + 8, tf.minimum(size, length - at - 8))
        header = tf.where(name == b"fmt ", content, header)
        data_at = tf.where(name == b"data", at, data_at)
        after = tf.cast(at, tf.int64) + 8 + tf.cast(size, tf.int64) + tf.cast(size % 2, tf.int64)
        return tf.cast(tf.minimum(after, tf.cast(length, tf.int64)), tf.int32), header, data_at

    _, header, data_at = tf.while_loop(
        lambda at, _, data_at: (data_at < 0) & (at + 8 <= length), step,
        (tf.constant(12), tf.constant(b""), tf.constant(-1)),
    )  # fmt: skip
    has_data = (data_at >= 0) & (tf.strings.length(header) >= HEADER)
    with tf.control_dependencies([require(has_data, "wav-truncated")]):
        size = chunk_size(file, data_at, length)
    with tf.control_dependencies([require(data_at + 8 + size <= length, "wav-truncated")]):
        return tf.identity(header), tf.strings.substr(file, data_at + 8, size)


def chunk_size(file, at, length):
    """As it is written, int32; one that is larger than the file is one more than the file."""
    size = tf.cast(little_endian(file, at + 4, 4), tf.int64)
    size = tf.where(size < 0, size + (1 << 32), size)
    return tf.cast(tf.minimum(size, tf.cast(length, tf.int64) + 1), tf.int32)


def little_endian(data, at, count: int):
    """Two bytes as a number, or four as a signed one: int32, a scalar."""
    kind = {2: tf.uint16, 4: tf.int32}[count]
    return tf.cast(tf.io.decode_raw(tf.strings.substr(data, at, count), kind)[0], tf.int32)


def numbers(content, kind, bits):
    """`wav_files.numbers` in the graph: (n * channels,) float64."""

    def of_24_bits():
        parts = tf.cast(tf.reshape(tf.io.decode_raw(content, tf.uint8), (-1, 3)), tf.int32)
        unsigned = parts[:, 0] + 256 * parts[:, 1] + 65536 * parts[:, 2]
        return tf.cast(tf.where(unsigned < 1 << 23, unsigned, unsigned - (1 << 24)), tf.float64)

    readers = {
        (PCM, 8): lambda: tf.cast(tf.io.decode_raw(content, tf.uint8), tf.float64) - 128,
        (PCM, 16): lambda: tf.cast(tf.io.decode_raw(content, tf.int16), tf.float64),
        (PCM, 24): of_24_bits,
        (PCM, 32): lambda: tf.cast(tf.io.decode_raw(content, tf.int32), tf.float64),
        (FLOAT, 32): lambda: tf.cast(tf.io.decode_raw(content, tf.float32), tf.float64),
    }
    return tf.case([((kind == k) & (bits == b), read) for (k, b), read in readers.items()])


def mixed_down(values, channels, kind, bits):
    """`wav_files.mixed_down` in the graph: (n,) float32."""
    total = tf.reduce_sum(tf.reshape(values, (-1, channels)), axis=1)
    power = tf.bitwise.left_shift(tf.constant(1, tf.int64), tf.cast(bits - 1, tf.int64))
    full_scale = tf.cast(power, tf.float64)
    full_scale = tf.where(kind == FLOAT, tf.constant(1, tf.float64), full_scale)
    return tf.cast(total / (full_scale * tf.cast(channels, tf.float64)), tf.float32)


def _is_at(file, at: int, text: bytes):
    """Whether the text is at a place of the file, which may be too short for it."""
    end = at + len(text)
    return tf.cond(
        tf.strings.length(file) >= end,
        lambda: tf.strings.substr(file, at, len(text)) == text, lambda: tf.constant(False),
    )  # fmt: skip
