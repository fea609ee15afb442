"""Prepared parts on disk: one .npy file an array, memory-mapped when read.

Strings have no fixed width and pickled arrays are not allowed, so a column of texts, or of files
such as encoded pictures, is two arrays: all the bytes in one, and the offsets where each begins.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

TEXT, BLOB, OFFSETS = ".utf8.npy", ".bytes.npy", ".offsets.npy"


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


def write(
    folder: Path, columns: Mapping[str, np.ndarray | Sequence[str] | Sequence[bytes]]
) -> None:
    """Writes columns of equal length into a new folder."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of one part must have one length, got {lengths}")
    folder.mkdir(parents=True)
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            np.save(folder / f"{name}.npy", np.ascontiguousarray(column), allow_pickle=False)
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
    """Every column of a part, by name."""
    columns: dict[str, np.ndarray | Texts | Blobs] = {}
    for path in sorted(folder.glob("*.npy")):
        for suffix, kind in ((TEXT, Texts), (BLOB, Blobs)):
            if path.name.endswith(suffix):
                name = path.name.removesuffix(suffix)
                columns[name] = kind(_open(path), _open(folder / f"{name}{OFFSETS}"))
                break
        else:
            if not path.name.endswith(OFFSETS):
                columns[path.stem] = _open(path)
    return columns


def _open(path: Path) -> np.ndarray:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
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
