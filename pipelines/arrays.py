"""Prepared parts on disk: one .npy file an array, memory-mapped when read.

Strings have no fixed width and pickled arrays are not allowed, so a column of texts is two
arrays: all the UTF-8 bytes in one, and the offsets where each text begins in the other.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

BYTES, OFFSETS = ".utf8.npy", ".offsets.npy"


class Texts(Sequence):
    """A read-only, memory-mapped list of strings."""

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
        return self._data[start:end].tobytes().decode("utf-8")


def write(folder: Path, columns: Mapping[str, np.ndarray | Sequence[str]]) -> None:
    """Writes columns of equal length into a new folder."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of one part must have one length, got {lengths}")
    folder.mkdir(parents=True)
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            np.save(folder / f"{name}.npy", np.ascontiguousarray(column), allow_pickle=False)
        else:
            _write_texts(folder, name, column)


def _write_texts(folder: Path, name: str, texts: Sequence[str]) -> None:
    encoded = [text.encode("utf-8") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    np.save(folder / f"{name}{BYTES}", np.frombuffer(b"".join(encoded), np.uint8))
    np.save(folder / f"{name}{OFFSETS}", offsets)


def read(folder: Path) -> dict[str, np.ndarray | Texts]:
    """Every column of a part, by name."""
    columns: dict[str, np.ndarray | Texts] = {}
    for path in sorted(folder.glob("*.npy")):
        if path.name.endswith(BYTES):
            name = path.name.removesuffix(BYTES)
            columns[name] = Texts(_open(path), _open(folder / f"{name}{OFFSETS}"))
        elif not path.name.endswith(OFFSETS):
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
