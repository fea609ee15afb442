"""A table of any kind of file: its rows as text, with their lines, and how it is written."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation.data_report.labels import MISSING
from pipelines.preparation.inspection import delimiter, file_kind, numbers, sheets, times
from pipelines.preparation.inspection.questions import Answers, Question, Reading

NAMES = re.compile(
    r"text|message|comment|review|sentence|tweet|title|body|content|question|label|class|target|"
    r"category|sentiment|spam|rating|date|time|timestamp|value|id|source|en|de|fr|es|it|pt|nl|"
    r"english|german|french|spanish|italian|deutsch|v\d+|col\w*\d+|column\w*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Table:
    """Rows below the header, as text.

    names: of the columns, `column0` and so on where the file has no header. lines: on which each
    row begins. has_header, encoding, delimiter, quoting: how the file is written. convert: why no
    recipe reads the file as it is. reasons: what was taken for what. units: by column,
    where a row below the header has them.
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    has_header: bool = True
    encoding: str = "utf-8"
    delimiter: str = ","
    quoting: bool = True
    convert: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> list[str]:
        place = self.names.index(name)
        return [row[place].strip() for row in self.rows]

    def take(self, places: Sequence[int]) -> "Table":
        rows, lines = [self.rows[n] for n in places], [self.lines[n] for n in places]
        return replace(self, rows=rows, lines=lines)


def read(path: Path, kind: str, answers: Answers) -> Table | None:
    """The table in a file of kind text, gzip, xlsx, parquet or json; None where there is none.

    Raises:
        UserError: for what is ambiguous; see `questions`.
    """
    if kind in ("xlsx", "parquet", "json"):
        rows, reason = sheets.read(path, kind, answers)
        reasons, convert = [reason], [f"a file of kind {kind} is read by no recipe"]
        encoding, mark, quoting = "utf-8", ",", True
    else:
        decoded = file_kind.decode(path, answers)
        text = decoded.text
        form = delimiter.layout(text, path, answers)
        if form is None:
            return None
        encoding, mark, quoting = decoded.encoding, form.delimiter, form.quoting
        rows = delimiter.cells(text, mark, quoting)
        reasons, convert = [f"encoding {encoding}: {decoded.reason}", form.reason], []
    return _table(path, rows, encoding, mark, quoting, convert, reasons, answers)


def _table(path, rows, encoding, mark, quoting, convert, reasons, answers) -> Table:
    width = Counter(len(row) for _, row in rows if any(row)).most_common(1)[0][0]
    filled = [(line, row) for line, row in rows if any(cell.strip() for cell in row)]
    start = next(n for n, (_, row) in enumerate(filled) if len(row) == width and _full(row, filled))
    if start:
        convert = [*convert, f"{start} lines above the table are left out"]
    if len(filled) < len(rows):
        convert = [*convert, f"{len(rows) - len(filled)} blank rows are left out"]
    ragged = [(line, row) for line, row in filled[start:] if len(row) != width]
    if ragged:
        line, row = ragged[0]
        readings = [Reading("drop", f"{len(ragged)} rows of other widths are left out")]
        message = f"{len(row)} cells where {width} are expected, one of {len(ragged)} such rows"
        answers.settle(Question("ragged", message, readings, path, line))
        convert = [*convert, f"{len(ragged)} rows of another width are left out"]
    body = [(line, row) for line, row in filled[start:] if len(row) == width]
    head, reason = header(path, [row for _, row in body], body[0][0], answers)
    names = [cell.strip() for cell in body[0][1]] if head else []
    if head:
        body = body[1:]
    line_of_units = _units([row for _, row in body]) if head else []
    if line_of_units:
        convert = [*convert, f"line {body[0][0]}, which has units, is left out"]
        body = body[1:]
    if not body:
        message = "no data rows below the header; bring some"
        raise UserError("rows-missing", message, path=path)
    unnamed = [names[n] if head and names[n] else f"column{n}" for n in range(width)]
    unique = [n if unnamed.index(n) == at else f"{n}_{at}" for at, n in enumerate(unnamed)]
    if head and unique != names:
        convert = [*convert, "columns without a name, or with one name twice, are renamed"]
    return Table(
        path, unique, [row for _, row in body], [line for line, _ in body], head, encoding, mark,
        quoting, convert, [*reasons, reason], dict(zip(unique, line_of_units, strict=False)),
    )  # fmt: skip


def _units(rows: Sequence[Sequence[str]]) -> list[str]:
    """The cells of the first row, where all others have numbers or times and it has none."""
    if len(rows) < 3:
        return []
    top, below = [cell.strip() for cell in rows[0]], rows[1:500]
    values = [[row[n].strip() for row in below if row[n].strip()] for n in range(len(top))]
    typed = [n for n, column in enumerate(values) if column and _typed(column)]
    odd = [n for n in typed if top[n] and not _typed([top[n]])]
    is_missing = all(top[n].casefold() in MISSING for n in odd)
    return top if len(typed) > 1 and len(odd) >= len(typed) - 1 > 0 and not is_missing else []


def _full(row: Sequence[str], rows: Sequence) -> bool:
    """Whether more than half as many cells have text as in most rows: a title has fewer."""
    counts = [sum(bool(cell.strip()) for cell in other) for _, other in rows[:200]]
    usual = Counter(counts).most_common(1)[0][0]
    return sum(bool(cell.strip()) for cell in row) > usual / 2


def header(
    path: Path, rows: Sequence[Sequence[str]], line: int, answers: Answers
) -> tuple[bool, str]:
    """Whether the first row names the columns, and what speaks for it."""
    given = answers.get("header")
    if given is not None:
        if given not in ("yes", "no"):
            message = "give yes or no"
            raise UserError("answer-unknown", message, path=path, key="--header", value=given)
        return given == "yes", f"header: {given}, as given"
    top, below = [cell.strip() for cell in rows[0]], rows[1:500]
    if not below:
        return False, "a single row: taken for data, not for a header"
    values = [[row[n].strip() for row in below if row[n].strip()] for n in range(len(top))]
    typed = [n for n, column in enumerate(values) if column and _typed(column)]
    if typed:
        plain = [n for n in typed if not _typed(values[n][:1] and [top[n]])]
        if plain:
            return True, f"line {line} is the header: {top[plain[0]]!r} is none of its values"
        return False, f"line {line} has values like all rows: no header"
    repeated = [n for n, column in enumerate(values) if top[n] and column.count(top[n]) > 1]
    if repeated:
        return False, f"line {line} is no header: {top[repeated[0]]!r} occurs again in its column"
    if len(set(top)) == len(top) and any(NAMES.fullmatch(cell) for cell in top):
        return True, f"line {line} is the header: it names columns ({', '.join(top[:4])})"
    alone = [n for n, column in enumerate(values) if top[n] not in column and _all_repeated(column)]
    if alone:
        return True, f"line {line} is the header: all values below {top[alone[0]]!r} occur again"
    prose = [n for n, column in enumerate(values) if len(column) > 9 and _words(column) > 2]
    if any(len(top[n].split()) < 3 for n in prose):
        return True, f"line {line} is the header: all other rows have longer texts"
    if any(len(cell.split()) > 4 or cell.endswith((".", "?", "!")) for cell in top):
        return False, f"line {line} is no header: it holds a sentence"
    readings = [
        Reading("yes", f"line {line} names the columns: {', '.join(top[:4])}"),
        Reading("no", f"line {line} is data"),
    ]
    question = Question("header", "a header or a row of data", readings, path, line)
    return answers.settle(question) == "yes", "header: given or asked"


def _all_repeated(column: Sequence[str]) -> bool:
    """Whether each value occurs three times or more, as labels do."""
    return len(column) > 9 and min(Counter(column).values()) > 2


def _words(column: Sequence[str]) -> int:
    """Words of the shortest text."""
    return min(len(cell.split()) for cell in column)


def _typed(column: Sequence[str]) -> bool:
    """Numbers or times."""
    if sum(map(numbers.is_number, column)) > 0.8 * len(column):
        return True
    return times.looks_like_time(column[:50])


def write(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A CSV in UTF-8 with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
