"""Prepared parts on disk: one .npy file an array, memory-mapped when read.

Strings have no fixed width and pickled arrays are not allowed, so a column of texts, or of files
such as encoded pictures, is two arrays: all the bytes in one, and the offsets where each begins.
Windows of a series overlap, so a column of them is the series, once, and how it is cut.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError

TEXT, BLOB, OFFSETS = ".utf8.npy", ".bytes.npy", ".offsets.npy"
SERIES, CUT = ".series.npy", ".cut.npy"


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
    """The same of strings."""

    def _value(self, data: bytes) -> str:
        return data.decode("utf-8")


@dataclass(frozen=True)
class Windows:
    """Stretches of `length` rows of a series, (rows, ...), one every `stride` rows; at least one.

    A column of (windows, length, ...) that would take `length / stride` times the series' room.
    """

    series: np.ndarray
    length: int
    stride: int = 1

    def __len__(self) -> int:
        return (len(self.series) - self.length) // self.stride + 1

    def view(self) -> np.ndarray:
        """(windows, length, ...), read-only: any array's indexing, and no bytes of its own."""
        every = np.lib.stride_tricks.sliding_window_view(self.series, self.length, axis=0)
        return np.moveaxis(every, -1, 1)[:: self.stride]


def write(
    folder: Path, columns: Mapping[str, np.ndarray | Windows | Sequence[str] | Sequence[bytes]]
) -> None:
    """Writes columns of equal length into a new folder."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of one part must have one length, got {lengths}")
    folder.mkdir(parents=True)
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            np.save(folder / f"{name}.npy", np.ascontiguousarray(column), allow_pickle=False)
        elif isinstance(column, Windows):
            np.save(folder / f"{name}{SERIES}", np.ascontiguousarray(column.series))
            np.save(folder / f"{name}{CUT}", np.array([column.length, column.stride]))
        elif len(column) and isinstance(column[0], bytes):
            _write_pieces(folder, name, BLOB, column)
        else:
            _write_pieces(folder, name, TEXT, [text.encode("utf-8") for text in column])


def _write_pieces(folder: Path, name: str, suffix: str, pieces: Sequence[bytes]) -> None:
    offsets = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    np.save(folder / f"{name}{suffix}", np.frombuffer(b"".join(pieces), np.uint8))
    np.save(folder / f"{name}{OFFSETS}", offsets)


def read(folder: Path) -> dict[str, np.ndarray | Texts | Blobs]:
    """Every column of a part, by name; windows as a view of their series."""
    columns: dict[str, np.ndarray | Texts | Blobs] = {}
    kinds = {TEXT: (OFFSETS, Texts), BLOB: (OFFSETS, Blobs), SERIES: (CUT, _windows)}
    for path in sorted(folder.glob("*.npy")):
        suffix = next((end for end in (*kinds, OFFSETS, CUT) if path.name.endswith(end)), ".npy")
        name = path.name.removesuffix(suffix)
        if suffix in kinds:
            beside, kind = kinds[suffix]
            columns[name] = kind(_open(path), _open(folder / f"{name}{beside}"))
        elif suffix == ".npy":
            columns[name] = _open(path)
    return columns


def _windows(series: np.ndarray, cut: np.ndarray) -> np.ndarray:
    return Windows(series, *cut.tolist()).view()


def _open(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(
            f"{path}: not a whole array of plain values ({error}); it is not read; run the stage "
            "that writes it again: dvc repro"
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
