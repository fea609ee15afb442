"""One named member out of a zip or tar archive that nobody vouches for yet, or what gzip packed.

Nothing is ever unpacked by the names inside: the caller gets the bytes of one member and writes
them where it likes. What is left to refuse is what an honest archive does not hold: names that
climb out of the folder, a link in place of the file, a member far larger than declared, damage.
"""

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipelines.checks import Refused

BLOCK = 1 << 16
_SCAN_LIMIT = 1 << 34  # a tar is unpacked to be searched: stop after 16 GiB, bombs go on for ever
# What the standard library was seen to raise on cut or altered archives. The consumer's own errors
# (a full disk) are raised outside this generator, so OSError here is always the archive's.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError),
    *(ValueError, OverflowError, struct.error, NotImplementedError, RuntimeError),
)


def blocks(archive: Path, member: str, limit: int) -> Iterator[bytes]:
    """The bytes of `member`, block by block, at most `limit` bytes.

    Raises Refused, naming archive and member, for everything listed at the head of this module.
    """
    place = f"{archive.name}: member {member}"
    if unsafe(member):
        raise Refused(f"{place}: leads out of the archive; give a relative name without '..'")
    try:
        with _open(archive, member, place, limit) as stream:
            while block := stream.read(BLOCK):
                yield block
    except _DAMAGE as error:
        raise Refused(
            f"{place}: the archive is truncated, damaged or of an unknown kind ({error}); "
            "download it again or take another source"
        ) from error


def unpacked(packed: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes in a gzip file, block by block. Raises Refused where it is cut or damaged."""
    stream = zlib.decompressobj(wbits=31)
    try:
        for block in packed:
            while block:
                yield stream.decompress(block, BLOCK)
                block = stream.unconsumed_tail
    except zlib.error as error:
        raise Refused(f"not a gzip file, or damaged ({error}); take another source") from error
    if not stream.eof:
        raise Refused("the gzip file is cut off; download it again or take another source")


def unsafe(name: str) -> bool:
    """Could this relative name reach outside the folder it is meant for?"""
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


@contextmanager
def _open(archive: Path, member: str, place: str, limit: int) -> Iterator[BinaryIO]:
    with archive.open("rb") as head:
        magic = head.read(2)
    if not magic:
        raise Refused(f"{place}: the archive is empty; download it again or take another source")
    opened = _zip_member if magic == b"PK" else _tar_member
    with opened(archive, member, place, limit) as stream:
        yield stream


@contextmanager
def _zip_member(archive: Path, member: str, place: str, limit: int) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        _refuse_climbing(names, place)
        if member not in names:
            raise Refused(_missing(place, names))
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


def _find(opened: tarfile.TarFile, member: str, place: str) -> tarfile.TarInfo:
    names = []
    for info in opened:
        names.append(info.name)
        _refuse_climbing([info.name], place)
        if PurePosixPath(info.name) == PurePosixPath(member):  # "./name" is "name"
            return info
        if info.offset_data + info.size > _SCAN_LIMIT:
            raise Refused(f"{place}: not in the first {_SCAN_LIMIT:,} bytes; take another source")
    raise Refused(_missing(place, names))


def _refuse_climbing(names: Iterable[str], place: str) -> None:
    for name in names:
        if unsafe(name):
            raise Refused(
                f"{place}: the archive also holds {name!r}, which leads out of it; "
                "such an archive is not to be trusted, take another source"
            )


def _refuse_odd(not_a_file: bool, size: int, limit: int, place: str) -> None:
    if not_a_file:
        raise Refused(f"{place}: is a link or folder, not a file; correct `member`")
    if size > limit:
        raise Refused(
            f"{place}: would unpack to {size:,} bytes, more than the allowed {limit:,}; "
            "correct `bytes` or take another source"
        )


def _missing(place: str, names: list[str]) -> str:
    some = ", ".join(sorted(names)[:8]) or "nothing"
    return f"{place}: not there; the archive holds {some}{' ...' * (len(names) > 8)}"
