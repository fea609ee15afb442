"""Prepared splits: what is read is what was written, read-only, mapped, and never pickled."""

import os

import numpy as np
import pytest

from pipelines.storage import arrays
from tests.support.user_errors import user_error

TEXTS = ["", "plain", "caf\u00e9", "\U0001f44d\U0001f3fd ok", "", "a\nb\tc", "\u65e5\u672c", ""]


def columns(count: int = 8) -> dict:
    rng = np.random.default_rng(0)
    return {
        "ids": rng.integers(0, 99, (count, 5)).astype(np.int32),
        "label": rng.integers(0, 3, count).astype(np.int32),
        "level": rng.normal(size=(count, 2, 3)).astype(np.float32),
        "seen": rng.random(count) < 0.5,
        "text": TEXTS[:count],
    }


@pytest.mark.parametrize("count", [8, 1, 0])
def test_what_is_read_is_what_was_written(tmp_path, count):
    written = columns(count)
    arrays.write(tmp_path / "part", written)
    read = arrays.read(tmp_path / "part")
    assert set(read) == set(written)
    assert list(read["text"]) == written["text"]
    assert len(read["text"]) == count
    for name in ("ids", "label", "level", "seen"):
        assert read[name].dtype == written[name].dtype
        assert read[name].shape == written[name].shape
        assert read[name].tobytes() == written[name].tobytes()


def test_texts_are_a_sequence(tmp_path):
    arrays.write(tmp_path / "part", {"text": TEXTS})
    texts = arrays.read(tmp_path / "part")["text"]
    assert [texts[i] for i in range(-8, 8)] == TEXTS + TEXTS
    assert texts[np.int64(3)] == TEXTS[3]
    assert texts[2:5] == TEXTS[2:5] and texts[::-2] == TEXTS[::-2] and texts[9:] == []
    assert "plain" in texts and "plai" not in texts
    for index in (8, -9):
        with pytest.raises(IndexError):
            texts[index]


def test_bytes_that_are_no_text(tmp_path):
    files = [b"\xff\xd8\x00", b"", bytes(range(256)), b"plain"]
    arrays.write(tmp_path / "part", {"file": files, "text": TEXTS[:4]})
    read = arrays.read(tmp_path / "part")
    assert list(read["file"]) == files and read["file"][1:3] == files[1:3]
    assert list(read["text"]) == TEXTS[:4]


def test_only_empty_texts(tmp_path):
    arrays.write(tmp_path / "part", {"text": ["", "", ""]})
    assert list(arrays.read(tmp_path / "part")["text"]) == ["", "", ""]


def test_sequences_of_any_length(tmp_path):
    rows = [[3, -1, 2**31 - 1], [], [7]]
    arrays.write(tmp_path / "part", {"ids": arrays.Sequences.of(rows), "text": ["a", "b", "c"]})
    ids = arrays.read(tmp_path / "part")["ids"]
    assert [row.tolist() for row in ids] == rows
    assert ids.flat().tolist() == [3, -1, 2**31 - 1, 7]
    assert ids[0].dtype == np.int32


def test_images_of_any_size(tmp_path):
    rng = np.random.default_rng(0)
    for channels in ((), (3,)):
        rows = [rng.integers(0, 256, (*size, *channels)).astype(np.uint8)
                for size in ((2, 3), (1, 1), (4, 2))]  # fmt: skip
        folder = tmp_path / f"part{len(channels)}"
        arrays.write(folder, {"image": arrays.Images.of(rows), "text": TEXTS[:3]})
        images = arrays.read(folder)["image"]
        assert len(images) == 3 and images[1:][0].shape == rows[1].shape
        for number in range(-3, 3):
            np.testing.assert_array_equal(images[number], rows[number])
        for index in (3, -4):
            with pytest.raises(IndexError):
                images[index]


def test_arrays_that_are_views_are_written_as_they_look(tmp_path):
    base = np.arange(24).reshape(4, 6)
    arrays.write(tmp_path / "part", {"a": base[:, ::2], "b": base.T[:4]})
    read = arrays.read(tmp_path / "part")
    assert read["a"].tolist() == base[:, ::2].tolist()
    assert read["b"].tolist() == base.T[:4].tolist()


@pytest.mark.parametrize("stride", [1, 3, 5])
@pytest.mark.parametrize("rows", [5, 30])
def test_windows_are_read_as_an_array_and_kept_as_their_series(tmp_path, rows, stride):
    series = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    cut = arrays.WindowIndex(series, 5, stride)
    written = np.array([series[at : at + 5] for at in range(0, rows - 4, stride)])
    arrays.write(tmp_path / "part", {"past": cut, "row": np.arange(len(cut))})
    read = arrays.read(tmp_path / "part")
    assert set(read) == {"past", "row"} and len(cut) == len(read["past"]) == len(written)
    np.testing.assert_array_equal(read["past"], written)
    np.testing.assert_array_equal(read["past"][[0, -1]], written[[0, -1]])
    assert read["past"].dtype == np.float32
    assert np.load(tmp_path / "part/past.series.npy").nbytes == series.nbytes
    with pytest.raises(ValueError, match="read-only"):
        read["past"][...] = 1


def test_arrays_are_mapped_and_cannot_be_changed(tmp_path):
    arrays.write(tmp_path / "part", columns())
    read = arrays.read(tmp_path / "part")
    for name in ("ids", "label", "level", "seen"):
        assert isinstance(read[name], np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            read[name][0] = 1


def test_columns_of_unequal_length_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one length, got \{'label': 2, 'text': 3\}"):
        arrays.write(tmp_path / "part", {"label": np.zeros(2), "text": ["a", "b", "c"]})
    assert not (tmp_path / "part").exists()


def test_a_part_is_never_written_over(tmp_path):
    arrays.write(tmp_path / "part", columns())
    with pytest.raises(FileExistsError):
        arrays.write(tmp_path / "part", columns())


def test_objects_are_neither_written_nor_read(tmp_path):
    objects = np.array([{"a": 1}, None], object)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        arrays.write(tmp_path / "part", {"things": objects})
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "other/things.npy", objects, allow_pickle=True)
    with user_error("array-damaged", path=str(tmp_path / "other/things.npy")):
        arrays.read(tmp_path / "other")


def test_every_file_opens_without_pickle(tmp_path):
    arrays.write(tmp_path / "part", columns())
    files = sorted(path.name for path in (tmp_path / "part").iterdir())
    assert files == [
        "ids.npy", "label.npy", "level.npy", "seen.npy", "text.offsets.npy", "text.utf8.npy",
    ]  # fmt: skip
    for name in files:
        assert np.load(tmp_path / "part" / name, allow_pickle=False).dtype != object


def test_the_digest_changes_with_every_byte(tmp_path):
    arrays.write(tmp_path / "part", {"label": np.arange(3), "text": ["a", "", "bc"]})
    before = arrays.digest(tmp_path / "part")
    seen = {before}
    for path in (tmp_path / "part").iterdir():
        content = path.read_bytes()
        for position in range(len(content)):
            changed = bytearray(content)
            changed[position] ^= 1
            path.write_bytes(changed)
            seen.add(arrays.digest(tmp_path / "part"))
        path.write_bytes(content + b"\0")
        seen.add(arrays.digest(tmp_path / "part"))
        path.write_bytes(content)
    sizes = sum(path.stat().st_size + 1 for path in (tmp_path / "part").iterdir())
    assert len(seen) == sizes + 1
    assert arrays.digest(tmp_path / "part") == before


def test_the_digest_changes_with_names_and_places(tmp_path):
    digests = set()
    for number, names in enumerate((["a", "b"], ["b", "a"], ["a", "c"], ["ab"], ["a"], ["s/a"])):
        folder = tmp_path / str(number)
        for value, name in enumerate(names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(str(value))
        digests.add(arrays.digest(folder))
    assert len(digests) == 6


def test_the_digest_does_not_depend_on_time_or_order_of_writing(tmp_path):
    written = columns()
    arrays.write(tmp_path / "one", written)
    arrays.write(tmp_path / "two", dict(reversed(written.items())))
    for path in (tmp_path / "two").iterdir():
        os.utime(path, (1, 1))
    assert arrays.digest(tmp_path / "one") == arrays.digest(tmp_path / "two")
