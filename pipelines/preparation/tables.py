"""CSV and TSV files as rows with line numbers; the only place where tables are read."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipelines.config.errors import UserError, one_of
from pipelines.preparation import foreign_files, text_files

csv.field_size_limit(2**31 - 1)  # a cell may hold a whole book; the default is 128 KiB

Character = Annotated[str, Field(min_length=1, max_length=1)]
Position = Annotated[int, Field(strict=True)]  # of a column, counted from 0
Row = list[str]


def is_empty_line(cells: Row) -> bool:
    return cells in ([], [""])


def has_content(cells: Row) -> bool:
    return any(cell.strip() for cell in cells)


def has_only_blank_cells(cells: Row) -> bool:
    return not has_content(cells)


@dataclass(frozen=True)
class Table:
    """header: None where the file has none. rows: (line on which it begins, cells)."""

    path: Path
    header: Row | None
    rows: list[tuple[int, Row]]

    @property
    def width(self) -> int:
        """Number of columns, by the first row of the file."""
        return len(self.first_row)

    @property
    def first_row(self) -> Row:
        return self.header or self.rows[0][1]

    def column(self, name: str | int, key: str) -> int:
        """The position of a column that is given by name or by position.

        Args:
            name: the name in the header, or the position, counted from 0.
            key: the option that gives it, for the error.
        """
        line = 1 if self.header else None
        if isinstance(name, int):
            if not 0 <= name < self.width:
                raise UserError(
                    "column-missing",
                    f"no column {name}; there are {self.width}, counted from 0"
                    f"{_other_delimiter(name, self.first_row)}",
                    path=self.path, line=1, key=key, value=name,
                )  # fmt: skip
            return name
        if self.header is None:
            raise UserError(
                "header-missing",
                f"column {name!r} needs a header line; set header: true, or list a name for every "
                "column in `names`",
                path=self.path, key=key, value=name,
            )  # fmt: skip
        names = [cell.strip() for cell in self.header]
        if name not in names:
            raise UserError(
                "column-missing",
                f"no column {name!r}; {one_of(name, names)}{_other_delimiter(name, names)}",
                path=self.path, line=line, key=key, value=name,
            )  # fmt: skip
        if names.count(name) > 1:
            raise UserError(
                "column-ambiguous",
                f"{names.count(name)} columns {name!r}; rename all but one in the file, or list a "
                "name for every column in `names`",
                path=self.path, line=line, key=key, value=name,
            )  # fmt: skip
        return names.index(name)

    def check_width(self, line: int, row: Row) -> None:
        """Refuses a row with more or fewer cells than the table has columns.

        Blank cells beyond the last column, which spreadsheets write, are removed from the row; so
        are blank cells added where the columns that it lacks have no name.
        """
        if not has_content(row[self.width :]):
            del row[self.width :]
        if row and self.header is not None and not has_content(self.header[len(row) :]):
            row += [""] * (self.width - len(row))
        if len(row) != self.width:
            raise UserError(
                "column-count",
                f"{len(row)} columns found, {self.width} expected; correct the line, or set "
                "`delimiter` or `quoting` as the file has them",
                path=self.path, line=line, value=len(row),
            )  # fmt: skip


def _other_delimiter(name: str | int, names: Sequence[str]) -> str:
    """The delimiter that would give the column, as part of a message."""
    marks = {";": '";"', "\t": '"\\t"', ",": '","', "|": '"|"'}
    if len(names) > 1:
        return ""
    cells = {mark: [cell.strip().strip('"') for cell in names[0].split(mark)] for mark in marks}
    has_column = {
        mark: 0 < name < len(cells[mark]) if isinstance(name, int) else name in cells[mark]
        for mark in marks
    }
    shown = next((marks[mark] for mark in marks if has_column[mark]), None)
    return f"; set delimiter: {shown}" if shown else ""


def read(
    path: Path, encoding: str, delimiter: str, *, header: bool = True, quoting: bool = True,
    is_blank: Callable[[Row], bool] | None = is_empty_line, skip_lines: int = 0,
    comment: str | None = None,
) -> Table:  # fmt: skip
    """The rows of a file, at least one.

    Args:
        path: a text file, or a gzip file of one.
        encoding: Python's name of its encoding.
        delimiter: one character between cells.
        header: whether the first row holds column names.
        quoting: whether a cell in double quotes may hold delimiters and line breaks; without it,
            a line is a row.
        is_blank: which rows to skip; None: none.
        skip_lines: lines above the header to leave out.
        comment: lines that begin with this are left out; None: none.
    """
    text = text_files.read(path, encoding)
    foreign_files.refuse_markup(path, text)
    if skip_lines or comment is not None:
        text = _without_remarks(text, skip_lines, comment)
    rows = list((_quoted_rows if quoting else _plain_rows)(path, text, delimiter))
    selected = [(line, cells) for line, cells in rows if is_blank is None or not is_blank(cells)]
    if blank := [line for line, cells in rows if cells and is_blank and is_blank(cells)]:
        print(f"{path}: {len(blank)} blank rows passed over, the first in line {blank[0]}")
    while selected and is_empty_line(selected[0][1]):
        selected.pop(0)  # the first row gives the number of columns
    names = selected.pop(0)[1] if header and selected else None
    if not selected:
        raise UserError(
            "rows-missing",
            f"no data rows{' below the header' if header else ''}; at least one is needed",
            path=path,
        )
    if names is not None and len(names) > 1:
        _refuse_second_header(path, names, selected)
    return Table(path, names, selected)


def _refuse_second_header(path: Path, names: Row, rows: list[tuple[int, Row]]) -> None:
    """Files that were joined hold their header several times: it would become data."""
    lines = [line for line, row in rows if row == names]
    if lines:
        raise UserError(
            "header-repeated",
            f"the header again, {len(lines)} times in all below the first; remove these lines",
            path=path, line=lines[0], value=len(lines),
        )  # fmt: skip


def _without_remarks(text: str, skip_lines: int, comment: str | None) -> str:
    """The text with blank lines in place of the first ones and of those with a comment."""
    lines = text.split("\n")
    return "\n".join(
        "" if n < skip_lines or (comment is not None and line.startswith(comment)) else line
        for n, line in enumerate(lines)
    )


def _plain_rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    for line, cells in enumerate(text_files.split_lines(text), 1):
        yield line, cells.split(delimiter)


def _quoted_rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    line = 1  # on which a row begins: a quoted cell may continue over several lines
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            "csv-invalid",
            f"{error}; correct the quotes, or set quoting: false if they belong to the cells",
            path=path, line=line, key="quoting",
        ) from None  # fmt: skip
