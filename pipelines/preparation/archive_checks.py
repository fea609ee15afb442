"""What an archive and its members must fulfil to be read: checks and their errors."""

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pipelines.config.errors import UserError
from pipelines.preparation import foreign_files

# What the standard library raises on truncated or altered archives. Errors of the caller (a full
# disk) are raised outside these generators, so an OSError here always comes from the archive.
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError),
    *(ValueError, OverflowError, struct.error, NotImplementedError, RuntimeError),
)
MAX_HEADER_BYTES = 1 << 20  # of a name or of attributes in a tar
LARGE_HEADER = re.compile(r"a header of \d+ bytes")


def is_unsafe(name: str) -> bool:
    """Whether this relative name could lead outside its folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    return not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def check_path(archive: Path, name: str) -> None:
    """Refuses a name that leads out of the archive."""
    if is_unsafe(name) and PurePosixPath(name).parts:  # "." is the folder itself
        raise UserError(
            "archive-path-traversal",
            f"holds {name!r}, which leads out of the archive; do not trust it, use another source",
            path=archive, value=name,
        )  # fmt: skip


def check_member(
    archive: Path, name: str, kind: str, size: int, limit: int, is_duplicate: bool
) -> None:
    """Refuses a link, folder or device, a duplicate name, and a file larger than `limit`."""
    if kind != "file":
        raise UserError(
            "archive-not-a-file",
            f"member {name!r} is a link, folder or device, not a file; use another source, or "
            "correct `member`",
            path=archive, value=name,
        )  # fmt: skip
    if is_duplicate:
        raise UserError(
            "archive-duplicate-name",
            f"holds two members {name!r}; do not trust it, use another source",
            path=archive, value=name,
        )  # fmt: skip
    if size > limit:
        raise UserError(
            "member-too-large",
            f"member {name!r} has {size:,} bytes; at most {limit:,} are read: make it smaller, or "
            "leave it out",
            path=archive, value=name,
        )  # fmt: skip


def check_compression(archive: Path, name: str, info: zipfile.ZipInfo) -> None:
    """Refuses bzip2 and LZMA: the library unpacks all of what it has read of them at once."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = zipfile.compressor_names.get(info.compress_type, info.compress_type)
        raise UserError(
            "archive-compression",
            f"member {name!r} is compressed by {method}; pack it again with deflate, the usual one",
            path=archive, value=name,
        )  # fmt: skip


class TarMember(tarfile.TarInfo):
    """Refuses long names and attributes of megabytes, which the library holds in memory."""

    HELD = (
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE),
        tarfile.SOLARIS_XHDTYPE,
    )

    def _proc_member(self, archive):
        # https://github.com/python/cpython/blob/3.11/Lib/tarfile.py: overridden for other types
        if self.type in self.HELD and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return super()._proc_member(archive)


def archive_damaged(archive: Path, error: Exception) -> UserError:
    """What an error that the reading of an archive raised means."""
    reason = str(error)
    if "password" in reason:
        return UserError(
            "archive-encrypted", "its files are encrypted; unpack it and give the folder",
            path=archive,
        )  # fmt: skip
    if match := LARGE_HEADER.search(reason):  # it is a tar archive, unpacked as far as that
        reason = match[0]
    elif isinstance(error, tarfile.ReadError):
        with archive.open("rb") as stream:
            start = stream.read(16)
        kind = foreign_files.kind_of(start)
        if kind is not None:
            name, cure = kind
            message = f"{name}, not a folder or a zip or tar archive; {cure}"
            return UserError("file-kind", message, path=archive, value=start[:4].hex(" "))
        reason = reason.split("\n")[0].rstrip(":")  # the reasons of every compression follow
    return UserError(
        "archive-damaged",
        f"neither a folder nor a whole zip or tar archive ({reason}); fetch it again, or give the "
        "folder",
        path=archive,
    )


def member_missing(archive: Path, member: str, names: list[str]) -> UserError:
    some = ", ".join(sorted(names)[:8]) or "nothing"
    return UserError(
        "member-missing",
        f"no member {member}; the archive holds {some}{' ...' * (len(names) > 8)}",
        path=archive, key="member", value=member,
    )  # fmt: skip
