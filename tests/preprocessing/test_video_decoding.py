"""Animated GIF files: drawn as browsers draw them, and sampled evenly in time."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pipelines.preprocessing import gif_files
from pipelines.preprocessing.video_decoding import VideoReader, moments
from tests.support.gifs import Part, gif

PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[1:4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
BLACK, RED, GREEN, BLUE = map(tuple, PALETTE[:4].tolist())
FULL = Part(np.ones((4, 4), np.uint8))


def pixels(second: Part, third: Part) -> list[tuple]:
    """Of the third frame: in the second's corner, and in the opposite one."""
    data = gif((4, 4), PALETTE, [FULL, second, third])
    last = VideoReader(3, 4, 4, 3)(data, "a.gif")[2]
    return [tuple(last[0, 0].tolist()), tuple(last[3, 3].tolist())]


@pytest.mark.parametrize(("disposal", "corner"), [(0, GREEN), (1, GREEN), (2, BLACK), (3, RED)])
def test_what_becomes_of_a_frame_when_the_next_is_drawn(disposal, corner):
    second = Part(np.full((2, 2), 2, np.uint8), disposal=disposal)
    third = Part(np.full((1, 1), 3, np.uint8), left=3, top=3)
    assert pixels(second, third) == [corner, BLUE]


def test_a_transparent_colour_leaves_what_was_there():
    see_through = Part(np.full((4, 4), 3, np.uint8), transparent=3)
    assert pixels(Part(np.full((2, 2), 2, np.uint8)), see_through) == [GREEN, RED]


def test_moments_by_hand():
    assert moments([10, 10, 10, 10], 4).tolist() == [0, 1, 2, 3]
    assert moments([10] * 8, 4).tolist() == [1, 3, 5, 7]
    assert moments([10, 30], 4).tolist() == [0, 1, 1, 1]  # shown three times as long
    assert moments([0, 0], 2).tolist() == moments([10, 10], 2).tolist() == [0, 1]
    assert moments([1] * 5, 2).tolist() == [1, 3]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 20, 20), (2, 33, 9)])
def test_what_is_encoded_is_decoded_again_also_by_pillow(shape, channels):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 6, (*shape, channels)).astype(np.uint8) * 40
    data = gif_files.encode(frames)
    reader = VideoReader(*shape, channels)
    np.testing.assert_array_equal(reader(data, "a.gif"), frames)
    mode = "L" if channels == 1 else "RGB"
    with Image.open(io.BytesIO(data)) as image:
        shown = [np.asarray(frame.convert(mode)) for frame in ImageSequence.Iterator(image)]
    np.testing.assert_array_equal(np.stack(shown).reshape(frames.shape), frames)


def test_frames_of_many_colours_stay_close():
    row = np.linspace(0, 255, 40).astype(np.uint8)
    smooth = np.stack(np.broadcast_arrays(row, row[:, None], 128), axis=2).astype(np.uint8)
    data = gif_files.encode(np.stack([smooth, smooth[::-1]]))
    decoded = VideoReader(2, 40, 40, 3)(data, "a.gif")
    assert np.abs(decoded[0].astype(int) - smooth).mean() < 8


def test_pillows_own_animations_are_read_as_pillow_shows_them():
    """It stores the parts that change, with transparent colours."""
    rng = np.random.default_rng(1)
    canvas, frames = np.zeros((16, 16), np.uint8), []
    for _ in range(5):
        canvas = canvas.copy()
        top, left = rng.integers(0, 12, 2)
        canvas[top : top + 4, left : left + 4] = rng.integers(1, 255)
        frames.append(Image.fromarray(canvas))
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], duration=100)
    decoded = VideoReader(5, 16, 16, 1)(stream.getvalue(), "a.gif")
    np.testing.assert_array_equal(decoded[..., 0], np.stack([np.asarray(f) for f in frames]))
