"""Reads untrusted zip and tar archives, one member or all; and gzip.

Nothing is ever written by the names inside: the caller gets the bytes of a member. Rejects path
traversal, symlinks, duplicate names, size mismatches and corrupt members.
"""

import functools
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipelines.config.errors import UserError
from pipelines.preparation import zip_names
from pipelines.preparation.archive_checks import (
    DAMAGE,
    TarMember,
    archive_damaged,
    check_compression,
    check_member,
    check_path,
    is_unsafe,
    member_missing,
)
from pipelines.preparation.text_files import MAX_UNPACKED_BYTES

BLOCK = 1 << 16
MAX_FILES = 1 << 20
_SCAN_LIMIT = (
    1 << 34
)  # a tar is unpacked to be searched: stop after 16 GiB, archive bombs have no end


def blocks(archive: Path, member: str, limit: int) -> Iterator[bytes]:
    """The bytes of `member`, block by block, at most `limit` bytes.

    Raises:
        UserError: for everything listed at the head of this module; value is the member.
    """
    if is_unsafe(member):
        raise UserError(
            "member-unsafe",
            f"member {member} leads out of the archive; give a relative name without '..'",
            path=archive, key="member", value=member,
        )  # fmt: skip
    try:
        with _open(archive, member, limit) as stream:
            while block := stream.read(BLOCK):
                yield block
    except DAMAGE as error:
        raise archive_damaged(archive, error) from error


def files(
    archive: Path, selected: Callable[[str], bool], limit: int
) -> Iterator[tuple[str, bytes | None]]:
    """(name, bytes) of every selected file, (name, None) of every folder, in the archive's order.

    Args:
        archive: a zip or tar file.
        selected: whether to read the file of that name.
        limit: the largest file to accept, in bytes.

    Raises:
        UserError: for everything listed at the head of this module, and for more than MAX_FILES
            files or MAX_UNPACKED_BYTES in all; value is the member, where one is at fault.
    """
    total, names = 0, set()
    try:
        for name, kind, size, load in _walk(archive):
            check_path(archive, name)
            name = PurePosixPath(name).as_posix()
            if kind == "folder":
                yield name, None
                continue
            total += size
            check_member(archive, name, kind, size, limit, name in names)
            names.add(name)
            if total > MAX_UNPACKED_BYTES or len(names) > MAX_FILES:
                raise UserError(
                    "archive-too-large",
                    f"holds more than {MAX_FILES:,} files or {MAX_UNPACKED_BYTES:,} bytes; unpack "
                    "it first",
                    path=archive,
                )
            if selected(name):
                yield name, load()
    except DAMAGE as error:
        raise archive_damaged(archive, error) from error


def names(archive: Path) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a file) of every member, without reading any."""
    try:
        for name, kind, _, _ in _walk(archive):
            check_path(archive, name)
            yield PurePosixPath(name).as_posix(), kind != "folder"
    except DAMAGE as error:
        raise archive_damaged(archive, error) from error


def unpacked(packed: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes in a gzip file, block by block.

    Raises:
        UserError: the file is truncated, damaged or of another kind.
    """
    stream = zlib.decompressobj(wbits=31)
    try:
        for block in packed:
            while block:
                yield stream.decompress(block, BLOCK)
                block = stream.unconsumed_tail
    except zlib.error as error:
        raise UserError(
            "gzip-damaged", f"not a gzip file, or damaged ({error}); use another source"
        ) from error
    if not stream.eof:
        raise UserError(
            "gzip-truncated", "the gzip file is cut off; download it again or use another source"
        )


@contextmanager
def _open(archive: Path, member: str, limit: int) -> Iterator[BinaryIO]:
    with archive.open("rb") as head:
        magic = head.read(2)
    if not magic:
        raise UserError(
            "archive-empty", "the archive is empty; download it again or use another source",
            path=archive,
        )  # fmt: skip
    open_member = _zip_member if magic == b"PK" else _tar_member
    with open_member(archive, member, limit) as stream:
        yield stream


@contextmanager
def _zip_member(archive: Path, member: str, limit: int) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(archive) as opened:
        members = dict(zip_names.entries(archive, opened))
        for name in members:
            check_path(archive, name)
        if member not in members:
            raise member_missing(archive, member, list(members))
        info = members[member]
        check_member(archive, member, _zip_kind(info), info.file_size, limit, False)
        check_compression(archive, member, info)
        with opened.open(info) as stream:
            yield stream


@contextmanager
def _tar_member(archive: Path, member: str, limit: int) -> Iterator[BinaryIO]:
    with tarfile.open(archive, tarinfo=TarMember) as opened:
        info = _find(archive, opened, member)
        check_member(archive, member, _tar_kind(info), info.size, limit, False)
        with opened.extractfile(info) as stream:
            yield stream


def _zip_kind(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made on Unix
    return "folder" if info.is_dir() else "file" if kind in (0, stat.S_IFREG) else "link"


def _tar_kind(info: tarfile.TarInfo) -> str:
    return "folder" if info.isdir() else "file" if info.isreg() else "link"


def _walk(archive: Path) -> Iterator[tuple[str, str, int, Callable[[], bytes]]]:
    """(name, "file" | "folder" | "link", size, function that reads it) of every member."""
    with archive.open("rb") as head:
        is_zip = head.read(2) == b"PK"
    if is_zip:
        with zipfile.ZipFile(archive) as opened:
            for name, info in zip_names.entries(archive, opened):
                kind = "folder" if name.endswith("/") else _zip_kind(info)
                yield name, kind, info.file_size, functools.partial(read_zip, archive, opened, info)
        return
    with tarfile.open(archive, tarinfo=TarMember) as opened:
        for info in opened:
            yield info.name, _tar_kind(info), info.size, functools.partial(_extract, opened, info)
        # The library takes a header that it cannot read for the end, which is a block of zeros.
        opened.fileobj.seek(opened.offset)
        if opened.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("unexpected end of data")
        while opened.fileobj.read(BLOCK) and opened.fileobj.tell() < _SCAN_LIMIT:
            pass  # the checksums of gzip and xz come after the end of the tar


def read_zip(archive: Path, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """In blocks: `ZipFile.read` unpacks all that follows, however little was declared."""
    check_compression(archive, info.filename, info)
    with opened.open(info) as stream:
        return b"".join(iter(lambda: stream.read(BLOCK), b""))


def _extract(opened: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    return opened.extractfile(info).read()


def _find(archive: Path, opened: tarfile.TarFile, member: str) -> tarfile.TarInfo:
    names = []
    for info in opened:
        names.append(info.name)
        check_path(archive, info.name)
        if PurePosixPath(info.name) == PurePosixPath(member):  # "./name" is "name"
            return info
        if info.offset_data + info.size > _SCAN_LIMIT:
            raise UserError(
                "member-missing",
                f"member {member} is not in the first {_SCAN_LIMIT:,} bytes; use another source",
                path=archive, key="member", value=member,
            )  # fmt: skip
    raise member_missing(archive, member, names)
