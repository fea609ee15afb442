"""Prepared splits on disk: one .npy file per array, memory-mapped when read.

Strings have no fixed width and pickled arrays are not allowed, so a column of texts, or of files
such as encoded images, is two arrays: the bytes of all, and the offset where each begins; so is a
column of sequences of ids, of any length. Images of sizes of their own are the pixels of all, and
the shape of each. Windows of a series overlap, so a column of windows is the series, once, with
their length and stride. A column in which rows share values (repeated.py) is the values, once, and
the number of each row's.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.storage.repeated import Repeated

TEXT, BLOB, IDS, OFFSETS = ".utf8.npy", ".bytes.npy", ".ids.npy", ".offsets.npy"
PIXELS, SHAPES = ".pixels.npy", ".shapes.npy"
SERIES, WINDOWS = ".series.npy", ".cut.npy"  # .cut.npy holds length and stride
INDEX = ".index.npy"  # of a column of repeated values


class Blobs(Sequence):
    """A read-only, memory-mapped list of bytes."""

    def __init__(self, data: np.ndarray, offsets: np.ndarray):
        self._data, self._offsets = data, offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start, end = self._offsets[index % len(self)], self._offsets[index % len(self) + 1]
        return self._value(self._data[start:end].tobytes())

    def _value(self, data: bytes):
        return data


class Texts(Blobs):
    """A read-only, memory-mapped list of strings."""

    def _value(self, data: bytes) -> str:
        return data.decode("utf-8")


class Sequences(Blobs):
    """A read-only, memory-mapped list of int32 arrays of any length.

    As an array of all of its rows it has no shape; `dtype` is that of the rows.
    """

    dtype = np.dtype(np.int32)

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> "Sequences":
        data = [np.asarray(row, cls.dtype).tobytes() for row in rows]
        return cls(np.frombuffer(b"".join(data), np.uint8), _offsets(data))

    def _value(self, data: bytes) -> np.ndarray:
        return np.frombuffer(data, self.dtype)

    def flat(self) -> np.ndarray:
        """(n,) the values of all rows, one behind the other."""
        return np.frombuffer(self._data.tobytes(), self.dtype)


class Images(Sequence):
    """A read-only, memory-mapped list of uint8 arrays, each of a size of its own: images, masks.

    Args:
        data: (n,) the values of all rows, one behind the other.
        shapes: (rows, axes) of each.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, data: np.ndarray, shapes: np.ndarray):
        self.data, self.shapes = data, shapes
        self._offsets = np.concatenate([[0], np.cumsum(np.prod(shapes, axis=1))])

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> "Images":
        data = np.concatenate([np.asarray(row, cls.dtype).ravel() for row in rows])
        return cls(data, np.array([row.shape for row in rows], np.int64))

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start, end = self._offsets[index % len(self)], self._offsets[index % len(self) + 1]
        return np.asarray(self.data[start:end]).reshape(self.shapes[index])


@dataclass(frozen=True)
class WindowIndex:
    """Windows of `length` rows of a series, (rows, ...), one every `stride` rows; at least one.

    Stored, it takes the space of the series; the (windows, length, ...) array would take
    `length / stride` times that.
    """

    series: np.ndarray
    length: int
    stride: int = 1

    def __len__(self) -> int:
        return (len(self.series) - self.length) // self.stride + 1

    def view(self) -> np.ndarray:
        """(windows, length, ...), read-only; indexed like any array, without a copy."""
        all_windows = np.lib.stride_tricks.sliding_window_view(self.series, self.length, axis=0)
        return np.moveaxis(all_windows, -1, 1)[:: self.stride]


Column = np.ndarray | WindowIndex | Sequences | Images | Repeated | Sequence[str] | Sequence[bytes]


def write(folder: Path, columns: Mapping[str, Column]) -> None:
    """Writes columns of equal length into a new folder."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of one split must have one length, got {lengths}")
    folder.mkdir(parents=True)
    for name, column in columns.items():
        if isinstance(column, Repeated):
            np.save(folder / f"{name}{INDEX}", column.numbers)
            column = column.values
        _write_column(folder, name, column)


def _write_column(folder: Path, name: str, column: Column) -> None:
    if isinstance(column, np.ndarray):
        np.save(folder / f"{name}.npy", np.ascontiguousarray(column), allow_pickle=False)
    elif isinstance(column, WindowIndex):
        np.save(folder / f"{name}{SERIES}", np.ascontiguousarray(column.series))
        np.save(folder / f"{name}{WINDOWS}", np.array([column.length, column.stride]))
    elif isinstance(column, Images):
        np.save(folder / f"{name}{PIXELS}", column.data)
        np.save(folder / f"{name}{SHAPES}", column.shapes)
    elif isinstance(column, Sequences):
        _write_blobs(folder, name, IDS, [row.tobytes() for row in column])
    else:
        blobs = [item if isinstance(item, bytes) else item.encode("utf-8") for item in column]
        suffix = BLOB if len(column) and isinstance(column[0], bytes) else TEXT
        _write_blobs(folder, name, suffix, blobs)


def _write_blobs(folder: Path, name: str, suffix: str, blobs: Sequence[bytes]) -> None:
    np.save(folder / f"{name}{suffix}", np.frombuffer(b"".join(blobs), np.uint8))
    np.save(folder / f"{name}{OFFSETS}", _offsets(blobs))


def _offsets(blobs: Sequence[bytes]) -> np.ndarray:
    """(n + 1,) where each begins, and the end of the last."""
    return np.concatenate([[0], np.cumsum([len(blob) for blob in blobs])]).astype(np.int64)


def read(folder: Path) -> dict[str, np.ndarray | Texts | Blobs | Repeated]:
    """Every column of a split, by name; windows as a view of their series."""
    columns: dict[str, np.ndarray | Texts | Blobs | Repeated] = {}
    kinds: dict[str, tuple[str, Callable]] = {
        TEXT: (OFFSETS, Texts), BLOB: (OFFSETS, Blobs), IDS: (OFFSETS, Sequences),
        PIXELS: (SHAPES, Images), SERIES: (WINDOWS, _view),
    }  # fmt: skip
    for path in sorted(folder.glob("*.npy")):
        ends = (*kinds, OFFSETS, SHAPES, WINDOWS, INDEX)
        suffix = next((end for end in ends if path.name.endswith(end)), ".npy")
        name = path.name.removesuffix(suffix)
        if suffix in kinds:
            index_suffix, column_type = kinds[suffix]
            index = _open(folder / f"{name}{index_suffix}")
            columns[name] = column_type(_open(path), index)
        elif suffix == ".npy":
            columns[name] = _open(path)
    for path in sorted(folder.glob(f"*{INDEX}")):
        name = path.name.removesuffix(INDEX)
        columns[name] = Repeated(columns[name], _open(path))
    return columns


def write_each(folder: Path, parts: Mapping[str, np.ndarray]) -> None:
    """Arrays of different lengths, each in a folder of its own with its name."""
    for name, values in parts.items():
        write(folder / name, {name: values})


def read_each(folder: Path) -> dict[str, np.ndarray]:
    """What `write_each` wrote; files beside the folders are passed over."""
    parts = (path for path in folder.iterdir() if path.is_dir())
    return {path.name: np.asarray(read(path)[path.name]) for path in parts}


def _view(series: np.ndarray, length_and_stride: np.ndarray) -> np.ndarray:
    return WindowIndex(series, *length_and_stride.tolist()).view()


def _open(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(
            "array-damaged",
            f"not a complete array of plain values ({error}); it is not read; run the stage that "
            "writes it again: dvc repro",
            path=path,
        ) from error
    # A memory map of zero bytes cannot be indexed on every platform.
    return array if array.size else np.asarray(array)


def digest(folder: Path) -> str:
    """sha256 over the names and bytes of a folder's files."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()
