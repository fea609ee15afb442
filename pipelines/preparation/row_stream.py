"""Text files of any size, row by row: what `tables` and `text_files` read, in bounded memory.

A row whose bytes are invalid in the encoding, or that holds a NUL, is given with the reason: the
rows after it can still be read.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipelines.config.errors import UserError
from pipelines.preparation import text_files
from pipelines.preparation.tables import Row

HEAD_CHARACTERS = 1 << 24  # that are looked at to tell how a file is written
_UNDECODED = re.compile("[\udc80-\udcff]")  # bytes, as `surrogateescape` passes them on


class Cells(NamedTuple):
    """line: on which the row begins. problem: why its cells cannot be used, None where they can."""

    line: int
    cells: Row
    problem: str | None


@contextmanager
def opened(path: Path, encoding: str, newline: str = "") -> Iterator[io.TextIOWrapper]:
    """A text file, or a gzip file of one, without a byte order mark."""
    with path.open("rb") as stream:
        head = stream.read(64)
    is_gzip = head.startswith(text_files.GZIP)
    if encoding.casefold() in ("utf-8", "utf8"):
        _refuse_utf16(path, head)
        encoding = "utf-8-sig"
    try:
        with (
            (gzip.open if is_gzip else open)(path, "rb") as stream,
            io.TextIOWrapper(stream, encoding, "surrogateescape", newline) as text,
        ):
            yield text
    except (gzip.BadGzipFile, EOFError) as error:
        message = f"the gzip file is cut off or damaged ({error}); fetch it again"
        raise UserError("gzip-damaged", message, path=path) from None


def _refuse_utf16(path: Path, head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(
            "encoding-wrong",
            "UTF-16 by its first bytes, but the model's data was UTF-8; save it as UTF-8: "
            "iconv -f utf-16 -t utf-8 FILE",
            path=path, line=1, value=head[:2].hex(),
        )  # fmt: skip


def head(path: Path, encoding: str) -> str:
    """The first lines, whole ones."""
    with opened(path, encoding) as stream:
        text = stream.read(HEAD_CHARACTERS)
        return text if len(text) < HEAD_CHARACTERS else text[: text.rfind("\n") + 1] or text


def lines(path: Path, encoding: str) -> Iterator[Cells]:
    """A row of one cell for each line; lines end as in `text_files.split_lines`."""
    with opened(path, encoding, _line_end(path, encoding)) as stream:
        for number, line in enumerate(stream, 1):
            text = line.removesuffix("\n").removesuffix("\r")
            yield Cells(number, [text], problem(text, encoding))


def rows(
    path: Path, encoding: str, delimiter: str, *, quoting: bool = True, skip_lines: int = 0,
    comment: str | None = None,
) -> Iterator[Cells]:  # fmt: skip
    """The rows of a table, the header among them, as `tables.read` takes them from a file.

    Raises:
        UserError: `csv-invalid`, a quote that is not closed.
    """
    if not quoting:
        for row in lines(path, encoding):
            if not _is_remark(row.line, row.cells[0], skip_lines, comment):
                yield Cells(row.line, row.cells[0].split(delimiter), row.problem)
        return
    with opened(path, encoding) as stream:
        numbered = enumerate(stream, 1)
        content = (
            "\n" if _is_remark(number, line, skip_lines, comment) else line
            for number, line in numbered
        )
        reader = csv.reader(content, delimiter=delimiter, strict=True)
        line = 1  # on which a row begins: a quoted cell may continue over several lines
        try:
            for cells in reader:
                if cells:
                    yield Cells(line, cells, problem("".join(cells), encoding))
                line = reader.line_num + 1
        except csv.Error as error:
            message = f"{error}; close the quote, or double it inside a quoted cell"
            raise UserError("csv-invalid", message, path=path, line=line) from None


def problem(text: str, encoding: str) -> str | None:
    """Why a text cannot be used: a byte that is invalid in the encoding, or NUL."""
    if match := _UNDECODED.search(text):
        return f"byte 0x{ord(match[0]) - 0xDC00:x} is not valid {encoding}"
    return "a NUL character" if "\0" in text else None


def _is_remark(number: int, line: str, skip_lines: int, comment: str | None) -> bool:
    return number <= skip_lines or (comment is not None and line.startswith(comment))


def _line_end(path: Path, encoding: str) -> str:
    """Line feeds, but carriage returns in a file that has no line feeds."""
    with opened(path, encoding) as stream:
        text = stream.read(1 << 16)
    return "\r" if "\r" in text and "\n" not in text else "\n"
