"""The Blue Marble: which way is up, and which longitudes are test."""

import gzip

import numpy as np
import pytest
from PIL import Image

from pipelines.datasets import blue_marble
from pipelines.storage import arrays
from tests.support.user_errors import user_error


@pytest.fixture
def raw(tmp_path):
    """A globe that is bright on land; lakes at 45 degrees north, 10 east and 73 west."""
    mask = np.zeros(blue_marble.MASK_SHAPE, np.uint8)
    mask[1080:] = 1  # the northern half, as rows go from south to north
    mask[1600:1640, 2260:2300] = 2
    mask[1600:1640, 1260:1300] = 2
    rows = np.random.default_rng(0).integers(0, 30, (270, 540, 3), np.uint8)
    rows[:135] += 100
    Image.fromarray(rows).save(tmp_path / "bmng.jpg")
    (tmp_path / "lsmask_5min_f.bin").write_bytes(gzip.compress(mask.tobytes()))
    return tmp_path


def test_north_is_up_and_bands_of_longitude_are_splits(raw, tmp_path):
    options = blue_marble.Options(pixels_per_degree=1)
    spec = blue_marble.prepare(options, raw, tmp_path / "out", 1)
    assert spec.labels == ("sea", "land", "lake") and spec.inputs["image"].shape == (20, 20, 3)
    test = arrays.read(tmp_path / "out/repeat0/test")
    assert len(test["mask"]) == 3 * 9
    place = list(test["file"]).index("50N_0E.png")
    assert 2 in test["mask"][place] and 0 not in test["mask"][place]
    assert (test["image"][place] > 90).all()
    sizes = [len(arrays.read(tmp_path / f"out/repeat0/{s}")["mask"]) for s in ("train", "val")]
    assert sizes == [13 * 9, 2 * 9]


def test_a_block_in_two_splits(raw, tmp_path):
    options = blue_marble.Options(pixels_per_degree=1, test=(10, 60))
    with user_error("split-overlap", key="test", value=[10, 60]):
        blue_marble.prepare(options, raw, tmp_path / "out", 1)


def test_another_file(raw, tmp_path):
    (raw / "lsmask_5min_f.bin").write_bytes(gzip.compress(b"12"))
    with user_error("array-mismatch", value=2):
        blue_marble.prepare(blue_marble.Options(), raw, tmp_path / "out", 1)
