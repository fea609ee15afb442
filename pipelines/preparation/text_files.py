"""Text files: unpacked, decoded and cut into lines; errors name the line."""

import codecs
import gzip
import zlib
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation import foreign_files

MAX_UNPACKED_BYTES = 1 << 31
GZIP = b"\x1f\x8b"


def contents(path: Path) -> bytes:
    """The bytes of a file; of a gzip file, by its name or first bytes, the unpacked bytes."""
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == GZIP
    if path.suffix != ".gz" and not is_gzip:
        return path.read_bytes()
    try:
        with gzip.open(path) as stream:
            data = stream.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            "gzip-damaged", f"the gzip file is cut off or damaged ({error}); fetch it again",
            path=path,
        ) from None  # fmt: skip
    if len(data) > MAX_UNPACKED_BYTES:
        raise UserError(
            "file-too-large",
            f"unpacks to more than {MAX_UNPACKED_BYTES:,} bytes; unpack it first",
            path=path,
        )
    return data


def read(path: Path, encoding: str) -> str:
    """The text of a file.

    Raises:
        UserError: as `decode`, and where there is no file.
    """
    if not path.is_file():
        raise UserError(
            "file-missing", "no such file; set `source` to a file that exists", path=path
        )
    return decode(path, contents(path), encoding)


def decode(path: Path | str, data: bytes, encoding: str) -> str:
    """The text in `data`, which was read from `path`; without a byte order mark.

    Raises:
        UserError: an empty file, one of another program, an unknown encoding, a byte that is
            invalid in it, or NUL.
    """
    if not data.strip():
        raise UserError("file-empty", "the file is empty", path=path)
    foreign_files.refuse(path, data)
    try:
        is_utf8 = codecs.lookup(encoding).name == "utf-8"
        text = data.decode("utf-8-sig" if is_utf8 else encoding)
    except LookupError:
        raise UserError(
            "encoding-unknown",
            f"unknown encoding {encoding!r}; use a name that Python knows, such as utf-8, "
            "latin-1, cp1252 or utf-16",
            path=path, key="encoding", value=encoding,
        ) from None  # fmt: skip
    except UnicodeDecodeError as error:
        invalid = data[error.start : error.start + 1].hex()
        raise UserError(
            "encoding-wrong",
            f"byte 0x{invalid} is not valid {encoding}; save the file as {encoding} or set "
            "`encoding` (latin-1 and cp1252 are common)",
            path=path, line=data[: error.start].count(b"\n") + 1, value=invalid,
        ) from None  # fmt: skip
    if "\0" in text:
        raise UserError(
            "nul-character", "a NUL character; set `encoding` (utf-16?) or remove it",
            path=path, line=text[: text.index("\0")].count("\n") + 1,
        )  # fmt: skip
    return text


def lines(path: Path, encoding: str) -> list[str]:
    """Split at line feeds only: a sentence may hold U+2028 and other separators.

    A file without line feeds, as old Macintosh programs write them, is split at carriage returns.
    """
    return split_lines(read(path, encoding))


def split_lines(text: str) -> list[str]:
    """The same of a text that was read."""
    end = "\n" if "\n" in text else "\r"
    return text.replace("\r\n", "\n").removesuffix(end).split(end)
