"""What prepare makes of encoded pictures is what the served graph makes of them, to the integer."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.preprocessing import image_decoding
from tests.support.user_errors import user_error


def encoded(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None, **how) -> bytes:
    picture = Image.fromarray(pixels)
    stream = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(stream, kind, **how)
    return stream.getvalue()


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Noise on a gradient: hard for a JPEG, and every value occurs."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 200, width)[None, :, None] + np.zeros((height, 1, channels))
    return (slope + rng.integers(0, 56, (height, width, channels))).astype(np.uint8)


PICTURES = {
    "rgb png": encoded(noise(9, 13)),
    "grey png": encoded(noise(20, 8, 1)[..., 0]),
    "palette png": encoded(noise(12, 12), mode="P"),
    "palette png with a transparent colour": encoded(noise(12, 12), mode="P", transparency=3),
    "png with alpha": encoded(noise(11, 7, 4)),
    "black and white png": encoded(noise(16, 16, 1)[..., 0], mode="1"),
    "jpeg": encoded(noise(37, 50), "JPEG"),
    "small jpeg of low quality": encoded(noise(5, 5), "JPEG", quality=20),
    "progressive jpeg": encoded(noise(64, 33), "JPEG", progressive=True, subsampling=2),
    "grey jpeg": encoded(noise(30, 17, 1)[..., 0], "JPEG"),
    "one pixel": encoded(noise(1, 1)),
}
SIZES = [(8, 8), (32, 24), (9, 13)]


@pytest.fixture(scope="module")
def graph():
    """(reader, files) -> what the graph reads; tensorflow is imported once it is needed."""
    import tensorflow as tf

    from pipelines.tasks.image_classification import serve

    def read(reader: image_decoding.Reader, files: list[bytes]) -> np.ndarray:
        function = tf.function(serve.GraphReader(reader), input_signature=[
            tf.TensorSpec((None,), tf.string)
        ])  # fmt: skip
        return function(tf.constant(files)).numpy()

    return read


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "crop"), [*((size, None) for size in SIZES), ((32, 24), 875), ((9, 13), 1000)]
)
def test_the_graph_reads_every_kind_of_file_as_prepare_does(graph, size, crop, channels):
    reader = image_decoding.Reader(*size, channels, crop=crop)
    read = graph(reader, list(PICTURES.values()))
    assert read.dtype == np.uint8 and read.shape[1:] == (*size, channels)
    for name, own in zip(PICTURES, read, strict=True):
        np.testing.assert_array_equal(own, reader(PICTURES[name], name), err_msg=name)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_in_a_random_order_are_so_in_the_graph_too(graph, channels):
    plain = image_decoding.Reader(32, 24, channels)
    shuffled = image_decoding.Reader(32, 24, channels, permutation_seed=5)
    data = next(iter(PICTURES.values()))
    image, original = shuffled(data, "x"), plain(data, "x")
    order = image_decoding.pixel_order(32 * 24, 5)
    assert (np.sort(order) == np.arange(32 * 24)).all() and (image != original).any()
    restored = image.reshape(-1, channels)[np.argsort(order)].reshape(original.shape)
    np.testing.assert_array_equal(restored, original)
    np.testing.assert_array_equal(graph(shuffled, [data])[0], image)


def test_the_graph_refuses_what_prepare_refuses(graph):
    import tensorflow as tf

    reader = image_decoding.Reader(8, 8, 3, max_pixels=2000)
    for data, words in (
        (b"hello", "not a JPEG or PNG"),
        (encoded(noise(4, 4), "GIF"), "not a JPEG or PNG"),
        (encoded(noise(50, 50)), "too many pixels"),
        (encoded(noise(50, 50), "JPEG"), "too many pixels"),
        (image_decoding.PNG, "cut short"),
        (PICTURES["jpeg"][:-40], "jpeg|JPEG"),
    ):
        with pytest.raises(UserError):
            image_decoding.Reader(8, 8, 3, max_pixels=2000)(data, "file")
        with pytest.raises(tf.errors.InvalidArgumentError, match=words):
            graph(reader, [data])


def test_a_picture_of_the_right_size_is_left_as_it_is():
    pixels = noise(10, 6)
    np.testing.assert_array_equal(image_decoding.resize(pixels, 10, 6), pixels)
    np.testing.assert_array_equal(image_decoding.Reader(10, 6, 3)(encoded(pixels), "x"), pixels)


def test_triangle_weights_by_hand():
    """Four pixels to two: centres at 1 and 3 of 4 in the old grid, falling to 0 at distance 2."""
    np.testing.assert_array_equal(image_decoding.triangle(4, 2), [[6, 6, 2, 0], [0, 2, 6, 6]])
    column = np.array([0, 100, 200, 50], np.uint8).reshape(4, 1, 1)
    # (6*0 + 6*100 + 2*200) / 14 = 71.4, (2*100 + 6*200 + 6*50) / 14 = 121.4
    np.testing.assert_array_equal(image_decoding.resize(column, 2, 1).ravel(), [71, 121])


@pytest.mark.parametrize("size", [(8, 8), (40, 60), (11, 3)])
def test_stretching_is_pillows_bilinear_up_to_rounding(size):
    pixels = noise(23, 31)
    pillow = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
    apart = np.abs(np.asarray(pillow, np.int16) - image_decoding.resize(pixels, *size))
    assert apart.max() <= 1


def test_grey_of_grey_is_itself_and_of_colours_is_bt601():
    values = np.arange(256, dtype=np.uint8)
    grey = np.repeat(values[None, :, None], 3, axis=2)
    np.testing.assert_array_equal(image_decoding.grey(grey)[0, :, 0], values)
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert image_decoding.grey(colours).ravel().tolist() == [76, 150, 29]


def bomb(width: int, height: int) -> bytes:
    """A few hundred bytes that claim to be a picture of that size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")
    return image_decoding.PNG + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def test_a_pixel_bomb_is_refused_from_its_header():
    with user_error("image-too-large", path="bomb.png", key="max_pixels", value=(6000, 5000)):
        image_decoding.decode(bomb(6000, 5000), "bomb.png")
    with user_error("image-too-large", path="bomb.png"):  # beyond Pillow's own limit
        image_decoding.decode(bomb(30_000, 30_000), "bomb.png")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image-format"),
        (b"not an image at all", "image-format"),
        (encoded(noise(4, 4), "GIF"), "image-format"),
        (encoded(noise(4, 4), "BMP"), "image-format"),
        (PICTURES["rgb png"][:60], "image-damaged"),
        (PICTURES["jpeg"][:400], "image-damaged"),
        (encoded(noise(4, 4, 1)[..., 0].astype(np.uint16) * 257), "image-depth"),
    ],
)
def test_what_is_not_a_whole_image_is_refused(data, code):
    with user_error(code, path="cat.png"):
        image_decoding.decode(data, "cat.png")


@pytest.mark.parametrize("crop", [None, 875])
def test_a_reader_comes_back_from_its_file(tmp_path, crop):
    reader = image_decoding.Reader(3, 4, 1, 99, crop)
    reader.save(tmp_path / "image.json")
    assert image_decoding.Reader.load(tmp_path / "image.json") == reader
    assert ("crop" in (tmp_path / "image.json").read_text()) == (crop is not None)


@pytest.mark.parametrize(
    ("sides", "size", "share", "rows", "columns"),
    [
        ((300, 400), (10, 10), 1000, (0, 300), (50, 350)),  # the largest square
        ((300, 400), (10, 10), 875, (19, 281), (69, 331)),  # 262 a side
        ((300, 400), (20, 10), 1000, (0, 300), (125, 275)),  # twice as high as wide
        ((2, 9), (10, 10), 100, (0, 1), (4, 5)),  # never nothing
    ],
)
def test_the_centre_crop_has_the_ratio_of_the_output(sides, size, share, rows, columns):
    picture = noise(*sides)
    expected = picture[slice(*rows), slice(*columns)]
    np.testing.assert_array_equal(image_decoding.centre_crop(picture, *size, share), expected)
