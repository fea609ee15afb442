"""Files that Pillow and TensorFlow read differently: both ends give the same pixels or refuse."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.preprocessing import image_decoding, png_chunks

HEIGHT, WIDTH = 12, 16
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
SLOPE = (np.add.outer(np.arange(HEIGHT) * 7, np.arange(WIDTH) * 5)[..., None] + [0, 40, 90]).astype(
    np.uint8
)


def saved(pixels: np.ndarray, kind: str, mode: str | None = None, **how) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels, mode).save(stream, kind, **how)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def scan_lines(pixels: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def png(colour: int, depth: int, lines: bytes, before=b"", *, interlaced=0, height=HEIGHT) -> bytes:
    header = struct.pack(">IIBBBBB", WIDTH, height, depth, colour, 0, 0, interlaced)
    image = chunk(b"IDAT", zlib.compress(lines))
    return png_chunks.SIGNATURE + chunk(b"IHDR", header) + before + image + chunk(b"IEND", b"")


def after_header(more: bytes) -> bytes:
    return PNG[:33] + more + PNG[33:]


def interlaced() -> bytes:
    passes = (NOISE[top::down, left::right] for left, top, right, down in png_chunks.PASSES)
    return png(2, 8, b"".join(scan_lines(pixels) for pixels in passes), interlaced=1)


PNG, JPEG = saved(NOISE, "PNG"), saved(SLOPE, "JPEG")
DEEP = (SLOPE.astype(">u2") * 200).astype(">u2")
ALPHA = np.full((HEIGHT, WIDTH, 1), 30_000, ">u2")
PALETTE = chunk(b"PLTE", RNG.integers(0, 256, 768, np.uint8).tobytes())
CMYK = saved(np.concatenate([SLOPE, SLOPE[..., :1]], axis=2), "JPEG", "CMYK")
ADOBE = CMYK.index(b"\xff\xee")  # where its segment of 16 bytes begins
CHECK_SUM = PNG.index(b"IEND") - 8  # of the last chunk of pixels
ROTATED = Image.Exif()
ROTATED[0x0112] = 6


def packed(depth: int) -> np.ndarray:
    return RNG.integers(0, 256, (HEIGHT, WIDTH * depth // 8), np.uint8)


READ = {
    "palette": png(3, 8, scan_lines(SLOPE[..., 0]), PALETTE),
    "palette and transparency": png(
        3, 8, scan_lines(SLOPE[..., 0]), PALETTE + chunk(b"tRNS", bytes(range(200)))
    ),
    "palette without the colours used": png(
        3, 8, scan_lines(SLOPE[..., 0]), chunk(b"PLTE", b"abcdef")
    ),
    **{f"grey of {n} bits": png(0, n, scan_lines(packed(n))) for n in (1, 2, 4, 8)},
    "transparent grey": png(
        0, 8, scan_lines(SLOPE[..., 0]), chunk(b"tRNS", struct.pack(">H", 10))
    ),
    "16-bit colours": png(2, 16, scan_lines(DEEP)),
    "16-bit colours and alpha": png(6, 16, scan_lines(np.concatenate([DEEP, ALPHA], axis=2))),
    "16-bit grey and alpha": png(
        4, 16, scan_lines(np.concatenate([DEEP[..., :1], ALPHA], axis=2))
    ),
    "interlaced": interlaced(),
    "animated png": saved(NOISE, "PNG", save_all=True, append_images=[Image.fromarray(SLOPE)]),
    "rotated by EXIF, png": saved(NOISE, "PNG", exif=ROTATED),
    "rotated by EXIF, jpeg": saved(SLOPE, "JPEG", exif=ROTATED),
    "gamma": after_header(chunk(b"gAMA", struct.pack(">I", 100_000))),
    "wrong check sum of a remark": after_header(chunk(b"tEXt", b"a\0b")[:-4] + bytes(4)),
    "bytes after the end": PNG + b"more" * 9,
    "CMYK with Adobe's marker": CMYK,
    "colours without conversion": saved(NOISE, "JPEG", keep_rgb=True),
    "several images": saved(SLOPE, "MPO", save_all=True, append_images=[Image.fromarray(NOISE)]),
}  # fmt: skip
REFUSED = {
    "no end": (PNG[:-12], "image-damaged"),
    "half": (PNG[: len(PNG) // 2], "image-damaged"),
    "wrong check sum of the end": (PNG[:-1] + b"\0", "image-damaged"),
    "wrong check sum of pixels": (
        PNG[:CHECK_SUM] + bytes(4) + PNG[CHECK_SUM + 4 :], "image-damaged",
    ),
    "unknown chunk that matters": (after_header(chunk(b"ABCD", b"x")), "image-damaged"),
    "two headers": (after_header(PNG[8:33]), "image-damaged"),
    "Apple's own kind of PNG": (PNG[:8] + chunk(b"CgBI", bytes(4)) + PNG[8:], "image-damaged"),
    "no palette": (png(3, 8, scan_lines(SLOPE[..., 0])), "image-damaged"),
    "too few rows": (png(2, 8, scan_lines(NOISE), height=2 * HEIGHT), "image-damaged"),
    "16-bit grey": (png(0, 16, scan_lines(DEEP[..., 0])), "image-depth"),
    "CMYK without Adobe's marker": (CMYK[:ADOBE] + CMYK[ADOBE + 16 :], "image-cmyk"),
    "jpeg that is cut": (JPEG[:-20], "image-damaged"),
    **{f"{kind}": (saved(SLOPE, kind), "image-format") for kind in ("GIF", "WEBP", "BMP", "TIFF")},
    "nothing": (b"", "image-format"),
}  # fmt: skip


@pytest.fixture(scope="module", params=[1, 3])
def reader(request) -> image_decoding.Reader:
    return image_decoding.Reader(HEIGHT, WIDTH, request.param)


@pytest.fixture(scope="module")
def graph(reader):
    import tensorflow as tf

    from pipelines.tasks.image_classification import serve

    return tf.function(
        serve.GraphReader(reader).read, input_signature=[tf.TensorSpec((), tf.string)]
    )


def test_both_ends_read_the_same_pixels(reader, graph):
    for name, data in READ.items():
        np.testing.assert_array_equal(graph(data).numpy(), reader(data, name), err_msg=name)


def test_both_ends_refuse_the_same_files(reader, graph):
    import tensorflow as tf

    for name, (data, code) in REFUSED.items():
        with pytest.raises(UserError) as refusal:
            reader(data, name)
        assert (refusal.value.code, refusal.value.path) == (code, name)
        with pytest.raises(tf.errors.InvalidArgumentError) as answer:
            graph(data)
        if problem := image_decoding.PROBLEMS.get(code):
            assert problem in str(answer.value), name


def test_every_cut_of_a_png_is_refused():
    for length in range(len(PNG) - 1, 8, -7):
        with pytest.raises(UserError):
            image_decoding.decode(PNG[:length], "cut.png")
