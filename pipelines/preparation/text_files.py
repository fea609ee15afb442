"""Text files: unpacked, decoded and cut into lines; errors name the line."""

import codecs
import gzip
import zlib
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation import foreign_files

MAX_UNPACKED_BYTES = 1 << 31
GZIP = b"\x1f\x8b"
MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
ONE_BYTE = frozenset(
    codecs.lookup(name).name
    for name in ("latin-1", "cp1250", "cp1251", "cp1252", "iso8859-2", "iso8859-15", "mac-roman")
)


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
        raise UserError("file-empty", "the file is empty; fetch it again", path=path)
    foreign_files.refuse(path, data)
    try:
        name = codecs.lookup(encoding).name
        _refuse_other_encoding(path, data, name)
        text = data.decode("utf-8-sig" if name == "utf-8" else encoding).removeprefix("\ufeff")
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


def _refuse_other_encoding(path: Path | str, data: bytes, encoding: str) -> None:
    """Refuses what the first bytes, or bytes beyond ASCII, show to be in another encoding.

    Bytes in which every one beyond ASCII belongs to valid UTF-8 are not Latin-1 by chance: its
    letters are rarely beside each other, and never in these combinations.
    """
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if marked is None and encoding in ONE_BYTE and not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return
        marked = "utf-8"
    if marked is not None and not encoding.startswith(marked):
        raise UserError(
            "encoding-wrong",
            f"the file is {marked} and not {encoding}; set encoding: {marked}, or save it as "
            f"{encoding} if others are",
            path=path, line=1, key="encoding", value=encoding,
        )  # fmt: skip


def lines(path: Path, encoding: str) -> list[str]:
    """Split at line feeds only: a sentence may hold U+2028 and other separators.

    A file without line feeds, as old Macintosh programs write them, is split at carriage returns.
    """
    return split_lines(read(path, encoding))


def count_lines(path: Path) -> int:
    """The number of lines of a file, whatever its encoding."""
    return len(split_lines(contents(path).decode("latin-1")))


def split_lines(text: str) -> list[str]:
    """The same of a text that was read."""
    end = "\n" if "\n" in text else "\r"
    return text.replace("\r\n", "\n").removesuffix(end).split(end)
