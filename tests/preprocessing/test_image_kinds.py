"""Kinds of images that are not read are named with how to convert them."""

import io
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pipelines.preprocessing import image_decoding, image_kinds
from tests.support.user_errors import user_error

PILLOW = ("GIF", "BMP", "TIFF", "WEBP", "ICO")


def box(*brands: bytes) -> bytes:
    """The head of an ISO base media file."""
    return b"\0\0\0\x20ftyp" + brands[0] + b"\0\0\0\0" + b"".join(brands[1:]) + bytes(90)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (box(b"heic", b"mif1", b"heic"), "a HEIC"),
        (box(b"mif1", b"heic", b"hevc"), "a HEIC"),
        (box(b"avif", b"mif1", b"miaf"), "an AVIF"),
        (box(b"mif1", b"avif"), "an AVIF"),
        (box(b"isom", b"mp42"), "a video"),
        (b"\xff\x0a" + bytes(9), "a JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"8BPS" + bytes(9), "a Photoshop"),
        (b"RIFF" + bytes(4) + b"WEBP", "a WebP"),
    ],
)
def test_a_kind_is_named(data, name):
    assert image_kinds.refusal(data).startswith(f"{name} file; ")
    with user_error("image-format", path="x.jpg"):
        image_decoding.decode(data, "x.jpg")


def test_sounds_and_texts_are_no_images():
    for data in (b"RIFF" + bytes(4) + b"WAVE", b"words", b"\0"):
        assert image_kinds.refusal(data).startswith("not an image")


@pytest.mark.parametrize("kind", PILLOW)
def test_the_cure_with_pillow_works(kind, tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(stream, kind)
    (tmp_path / "FILE").write_bytes(stream.getvalue())
    cure = image_kinds.refusal(stream.getvalue()).split("convert it: ")[1]
    subprocess.run([sys.executable, *shlex.split(cure)[1:]], cwd=tmp_path, check=True)
    assert image_decoding.decode((tmp_path / "FILE.png").read_bytes(), "x").shape == (16, 16, 3)
