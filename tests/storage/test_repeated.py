"""Columns in which rows share values read as arrays of all rows do, and are stored once."""

import numpy as np
import pytest

from pipelines.storage import arrays
from pipelines.storage.repeated import Repeated

INDEX = np.array([0, 0, 2, 1, 2])
IMAGES = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
FILES = [b"one", b"", b"three"]
NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture(params=["memory", "disk"])
def columns(request, tmp_path):
    made = {
        "image": Repeated(IMAGES, INDEX), "file": Repeated(FILES, INDEX),
        "name": Repeated(NAMES, INDEX), "plain": np.arange(5),
    }  # fmt: skip
    if request.param == "memory":
        return made
    arrays.write(tmp_path / "split", made)
    return arrays.read(tmp_path / "split")


def test_rows_are_those_of_the_whole_array(columns):
    whole, images = IMAGES[INDEX], columns["image"]
    assert len(images) == 5 and images.dtype == np.uint8
    np.testing.assert_array_equal(images, whole)
    for rows in (3, -1, slice(1, 4), [4, 0], np.array([True, False, True, False, False])):
        np.testing.assert_array_equal(images[rows], whole[rows])
    assert not len(images[np.zeros(0, np.int64)])


def test_lists_of_texts_and_bytes(columns):
    assert columns["file"][:3] == [b"one", b"one", b"three"]
    assert columns["file"][3] == b""
    assert list(columns["name"]) == [NAMES[number] for number in INDEX]
    assert columns["name"][np.array([4, 0])] == ["c.png", "a.png"]


def test_values_are_stored_once(columns):
    assert columns["image"].values.shape == IMAGES.shape
    assert len(columns["file"].values) == 3
    assert isinstance(columns["plain"], np.ndarray)


def test_columns_of_different_lengths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="one length"):
        arrays.write(tmp_path / "x", {"image": Repeated(IMAGES, INDEX), "label": np.arange(3)})
