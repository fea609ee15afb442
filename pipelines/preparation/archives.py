"""Files out of a zip or tar archive that nobody vouches for yet, one by its name or all; and gzip.

Nothing is ever unpacked by the names inside: the caller gets the bytes of a member and does with
them what it likes. What is left to refuse is what an honest archive does not hold: names that
climb out of the folder, a link in place of the file, a member far larger than declared, damage.
"""

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipelines.config.errors import UserError
from pipelines.preparation.text_files import MAX_UNPACKED_BYTES

BLOCK = 1 << 16
MAX_FILES = 1 << 20
_SCAN_LIMIT = 1 << 34  # a tar is unpacked to be searched: stop after 16 GiB, bombs go on for ever
# What the standard library was seen to raise on cut or altered archives. The consumer's own errors
# (a full disk) are raised outside this generator, so OSError here is always the archive's.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError),
    *(ValueError, OverflowError, struct.error, NotImplementedError, RuntimeError),
)


def blocks(archive: Path, member: str, limit: int) -> Iterator[bytes]:
    """The bytes of `member`, block by block, at most `limit` bytes.

    Raises UserError, naming archive and member, for everything listed at the head of this module.
    """
    place = f"{archive.name}: member {member}"
    if unsafe(member):
        raise UserError(f"{place}: leads out of the archive; give a relative name without '..'")
    try:
        with _open(archive, member, place, limit) as stream:
            while block := stream.read(BLOCK):
                yield block
    except _DAMAGE as error:
        raise UserError(
            f"{place}: the archive is truncated, damaged or of an unknown kind ({error}); "
            "download it again or take another source"
        ) from error


def files(
    archive: Path, wanted: Callable[[str], bool], limit: int
) -> Iterator[tuple[str, bytes | None]]:
    """(name, bytes) of every wanted file, (name, None) of every folder, in the archive's order.

    limit: the largest file to accept. Raises UserError for what the head of this module lists,
    for a name that stands twice, and for more than MAX_FILES files or MAX_UNPACKED_BYTES in all.
    """
    total, names = 0, set()
    try:
        for name, kind, size, load in _walk(archive):
            _refuse_climbing([name], str(archive))
            name = PurePosixPath(name).as_posix()
            if kind == "folder":
                yield name, None
                continue
            total += size
            _refuse_member(archive, name, kind, size, limit, name in names)
            names.add(name)
            if total > MAX_UNPACKED_BYTES or len(names) > MAX_FILES:
                raise UserError(
                    f"{archive}: holds more than {MAX_FILES:,} files or {MAX_UNPACKED_BYTES:,} "
                    "bytes; unpack it first"
                )
            if wanted(name):
                yield name, load()
    except _DAMAGE as error:
        raise UserError(
            f"{archive}: the archive is truncated, damaged or of an unknown kind ({error}); fetch "
            "it again"
        ) from error


def unpacked(packed: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes in a gzip file, block by block. Raises UserError where it is cut or damaged."""
    stream = zlib.decompressobj(wbits=31)
    try:
        for block in packed:
            while block:
                yield stream.decompress(block, BLOCK)
                block = stream.unconsumed_tail
    except zlib.error as error:
        raise UserError(f"not a gzip file, or damaged ({error}); take another source") from error
    if not stream.eof:
        raise UserError("the gzip file is cut off; download it again or take another source")


def unsafe(name: str) -> bool:
    """Could this relative name reach outside the folder it is meant for?"""
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


@contextmanager
def _open(archive: Path, member: str, place: str, limit: int) -> Iterator[BinaryIO]:
    with archive.open("rb") as head:
        magic = head.read(2)
    if not magic:
        raise UserError(f"{place}: the archive is empty; download it again or take another source")
    opened = _zip_member if magic == b"PK" else _tar_member
    with opened(archive, member, place, limit) as stream:
        yield stream


@contextmanager
def _zip_member(archive: Path, member: str, place: str, limit: int) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        _refuse_climbing(names, place)
        if member not in names:
            raise UserError(_missing(place, names))
        info = opened.getinfo(member)
        kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the maker was not a Unix
        _refuse_odd(info.is_dir() or kind not in (0, stat.S_IFREG), info.file_size, limit, place)
        with opened.open(info) as stream:
            yield stream


@contextmanager
def _tar_member(archive: Path, member: str, place: str, limit: int) -> Iterator[BinaryIO]:
    with tarfile.open(archive) as opened:
        info = _find(opened, member, place)
        _refuse_odd(not info.isreg(), info.size, limit, place)
        with opened.extractfile(info) as stream:
            yield stream


def _walk(archive: Path) -> Iterator[tuple[str, str, int, Callable[[], bytes]]]:
    """(name, "file" | "folder" | "link", size, function that reads it) of every member."""
    with archive.open("rb") as head:
        zipped = head.read(2) == b"PK"
    if zipped:
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                file = "file" if kind in (0, stat.S_IFREG) else "link"
                name = "folder" if info.is_dir() else file
                yield info.filename, name, info.file_size, lambda info=info: opened.read(info)
        return
    with tarfile.open(archive) as opened:
        for info in opened:
            kind = "folder" if info.isdir() else "file" if info.isreg() else "link"
            yield info.name, kind, info.size, lambda info=info: opened.extractfile(info).read()
        # The library takes a header that it cannot read for the end, which is a block of zeros.
        opened.fileobj.seek(opened.offset)
        if opened.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("unexpected end of data")
        while opened.fileobj.read(BLOCK) and opened.fileobj.tell() < _SCAN_LIMIT:
            pass  # behind the end stand the sums by which gzip and xz know what they packed


def _refuse_member(archive: Path, name: str, kind: str, size: int, limit: int, twice: bool) -> None:
    if kind != "file" or twice:
        found = "stands in it twice" if kind == "file" else "is a link or device, not a file"
        raise UserError(
            f"{archive}: {name!r} {found}; such an archive is not to be trusted, take another one"
        )
    if size > limit:
        raise UserError(f"{archive}: {name!r} has {size:,} bytes; at most {limit:,} are read")


def _find(opened: tarfile.TarFile, member: str, place: str) -> tarfile.TarInfo:
    names = []
    for info in opened:
        names.append(info.name)
        _refuse_climbing([info.name], place)
        if PurePosixPath(info.name) == PurePosixPath(member):  # "./name" is "name"
            return info
        if info.offset_data + info.size > _SCAN_LIMIT:
            raise UserError(f"{place}: not in the first {_SCAN_LIMIT:,} bytes; take another source")
    raise UserError(_missing(place, names))


def _refuse_climbing(names: Iterable[str], place: str) -> None:
    for name in names:
        if unsafe(name) and PurePosixPath(name).parts:  # "." is the folder itself
            raise UserError(
                f"{place}: the archive also holds {name!r}, which leads out of it; "
                "such an archive is not to be trusted, take another source"
            )


def _refuse_odd(not_a_file: bool, size: int, limit: int, place: str) -> None:
    if not_a_file:
        raise UserError(f"{place}: is a link or folder, not a file; correct `member`")
    if size > limit:
        raise UserError(
            f"{place}: would unpack to {size:,} bytes, more than the allowed {limit:,}; "
            "correct `bytes` or take another source"
        )


def _missing(place: str, names: list[str]) -> str:
    some = ", ".join(sorted(names)[:8]) or "nothing"
    return f"{place}: not there; the archive holds {some}{' ...' * (len(names) > 8)}"
