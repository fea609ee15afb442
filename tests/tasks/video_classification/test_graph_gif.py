"""GIF files in the graph: the same frames as Python's, and the same files refused."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.config.errors import UserError
from pipelines.preprocessing import gif_files
from pipelines.preprocessing.video_decoding import VideoReader
from pipelines.tasks.video_classification.graph_gif import GraphVideoReader, ends_of_chains
from tests.support.gifs import Part, colours, gif, random_gif

READER = VideoReader(frames=4, height=10, width=12, channels=3, max_pixels=13 * 17 * 9)
SEED = np.random.default_rng(1)
GIFS = [random_gif(SEED, int(SEED.integers(2, 9))) for _ in range(12)]
PALETTE = colours(SEED, 256)
STILL = Part(np.zeros((5, 6), np.uint8))


def graph(reader: VideoReader):
    signature = [tf.TensorSpec((None,), tf.string)]
    return tf.function(GraphVideoReader(reader).__call__, input_signature=signature)


@pytest.fixture(scope="module")
def read():
    return graph(READER)


@pytest.mark.parametrize("channels", [1, 3])
def test_frames_are_equal_to_the_bit(channels, read):
    reader = VideoReader(4, 10, 12, channels)
    decode = read if channels == 3 else graph(reader)
    expected = np.stack([reader(data, "a.gif") for data in GIFS])
    np.testing.assert_array_equal(decode(tf.constant(GIFS)), expected)


def damaged(kind: str) -> bytes:
    whole = gif((5, 6), PALETTE, [STILL, STILL])
    frame = whole.index(b"\x2c", 781)
    beyond = gif((5, 6), PALETTE, [STILL, Part(STILL.numbers, left=1)])
    return {
        "video-format": b"\x89PNG\r\n\x1a\n" + whole[8:],
        "video-frames": gif((5, 6), PALETTE, [STILL]),
        "video-outside": beyond,
        "video-too-large": gif((5, 6), PALETTE, [STILL] * 70),
        "empty": b"", "head": whole[:13], "no end": whole[:-1], "half": whole[: len(whole) // 2],
        "block": whole[:frame] + b"\x00" + whole[frame + 1 :],
        "code": whole[: frame + 10] + b"\x0c" + whole[frame + 11 :],
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", [*(k for k in gif_files.PROBLEMS if k != "video-damaged"),
                                  "empty", "head", "no end", "half", "block", "code"])  # fmt: skip
def test_what_is_refused_is_refused_alike_and_by_name(kind, read):
    data = damaged(kind)
    with pytest.raises(UserError) as raised:
        READER(data, "a.gif")
    code = "video-format" if kind == "empty" else kind if "video" in kind else "video-damaged"
    assert raised.value.code == code and str(raised.value.path) == "a.gif"
    with pytest.raises(tf.errors.InvalidArgumentError, match=gif_files.PROBLEMS[code]):
        read(tf.constant([GIFS[0], data]))


def test_random_damage_never_gives_other_frames(read):
    rng = np.random.default_rng(2)
    answered = 0
    for number in range(40):
        data = bytearray(GIFS[number % len(GIFS)])
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        try:
            expected = READER(bytes(data), "a.gif")
        except UserError:
            continue
        np.testing.assert_array_equal(read(tf.constant([bytes(data)]))[0], expected)
        answered += 1
    assert answered > 5


def test_chains_of_blocks_are_followed_at_once():
    data = [2, 9, 9, 1, 9, 0, 7, 0]  # blocks of 2 and 1 bytes, an end; one of 7 beyond the file
    ends = ends_of_chains(tf.constant(data)).numpy()
    assert ends[0] == ends[3] == ends[5] == 6
    assert ends[6] == len(data) + 1  # no end
    assert ends[7] == len(data)
