"""Files of text: decoded, cut into lines and columns, refused by line."""

import codecs
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from pipelines.config.errors import UserError, one_of

MAX_UNPACKED_BYTES = 1 << 31


def contents(path: Path) -> bytes:
    """The bytes of a file; of a gzip file, by its name, what is packed in it."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as stream:
            data = stream.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error}); fetch it again") from None
    if len(data) > MAX_UNPACKED_BYTES:
        raise UserError(
            f"{path}: unpacks to more than {MAX_UNPACKED_BYTES:,} bytes; unpack it first"
        )
    return data


def decode(path: Path, encoding: str) -> str:
    """The text of a file, refused by line where a byte is not valid in the encoding."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; set `source` to a file that exists")
    return decoded(path, contents(path), encoding)


def decoded(place: Path | str, data: bytes, encoding: str) -> str:
    """The same of bytes that were read from `place`."""
    if not data.strip():
        raise UserError(f"{place}: the file is empty")
    try:
        utf8 = codecs.lookup(encoding).name == "utf-8"
        text = data.decode("utf-8-sig" if utf8 else encoding)
    except LookupError:
        raise UserError(
            f"{place}: unknown encoding {encoding!r}; use a name Python knows, such as utf-8, "
            "latin-1, cp1252 or utf-16"
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = data[error.start : error.start + 1].hex()
        raise UserError(
            f"{place}, line {line}: byte 0x{found} is not valid {encoding}; save the file as "
            f"{encoding} or set `encoding` (latin-1 and cp1252 are common)"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(
            f"{place}, line {line}: a NUL character; set `encoding` (utf-16?) or remove it"
        )
    return text


def lines(path: Path, encoding: str) -> list[str]:
    """Split at line feeds alone: a sentence may hold U+2028 and the like."""
    return decode(path, encoding).replace("\r\n", "\n").removesuffix("\n").split("\n")


def column(path: Path, header: Sequence[str] | None, width: int, wanted: str | int) -> int:
    """The position of a column that is given by name or by position."""
    if isinstance(wanted, int):
        width = len(header) if header else width
        if not 0 <= wanted < width:
            raise UserError(
                f"{path}, line 1: no column {wanted}; there are {width}, counted from 0"
            )
        return wanted
    if header is None:
        raise UserError(
            f"{path}: column {wanted!r} needs a header line; give a position or header: true"
        )
    names = [name.strip() for name in header]
    if wanted not in names:
        raise UserError(f"{path}, line 1: no column {wanted!r}; {one_of(wanted, names)}")
    if names.count(wanted) > 1:
        raise UserError(
            f"{path}, line 1: {names.count(wanted)} columns {wanted!r}; give a position"
        )
    return names.index(wanted)
