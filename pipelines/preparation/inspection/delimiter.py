"""The delimiter and quoting of a text file, by how well each makes a table of it."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation.inspection import numbers
from pipelines.preparation.inspection.questions import Answers, Question, Reading

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_ROWS = 2000
REGULAR = 0.9  # share of rows of one width from which a delimiter counts
csv.field_size_limit(1 << 30)


@dataclass(frozen=True)
class Layout:
    """How a file is cut into cells. width: of most rows. regular: the share that has it. head: does
    the first row, too? numeric: the share of cells that are numbers."""

    delimiter: str
    quoting: bool
    width: int
    regular: float
    numeric: float
    head: bool
    reason: str = ""

    @property
    def score(self) -> tuple:
        return (round(self.regular, 2), self.head, self.numeric, self.quoting, self.width)


def cells(text: str, delimiter: str, quoting: bool) -> list[tuple[int, list[str]]]:
    """(line, cells) of every row. Raises csv.Error where quotes do not match."""
    stream = io.StringIO(text, newline="" if quoting else "\n")
    style = csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE
    reader = csv.reader(stream, delimiter=delimiter, quoting=style, strict=True)
    rows, line = [], 1
    for row in reader:
        rows.append((line, row))
        line = reader.line_num + 1
    return rows


def layout(text: str, path: Path, answers: Answers) -> Layout | None:
    """The best layout; None where no delimiter makes a table of at least two columns.

    Raises:
        UserError: `ambiguous-delimiter` where two make equally good tables.
    """
    head = "".join(islice(text.splitlines(keepends=True), SAMPLE_ROWS))
    given = answers.get("delimiter")
    marks = {"tab": "\t", **{name: mark for mark, name in NAMES.items()}}
    tried = [marks.get(given, given)] if given else list(NAMES)
    if any(len(mark) != 1 for mark in tried):
        message = f"{given!r} is no delimiter; give comma, semicolon, tab, bar or one character"
        raise UserError("answer-unknown", message, path=path, key="--delimiter", value=given)
    layouts = [_measured(text, head, mark, quoting) for mark in tried for quoting in (True, False)]
    good = sorted(
        (entry for entry in layouts if entry and entry.width > 1 and entry.regular >= REGULAR),
        key=lambda entry: entry.score, reverse=True,
    )  # fmt: skip
    if not good:
        return None
    best = good[0]
    rivals = [
        entry for entry in good
        if entry.delimiter != best.delimiter and entry.score[:3] == best.score[:3]
    ]  # fmt: skip
    if rivals and best.numeric < 0.5:
        readings = [
            Reading(NAMES[entry.delimiter], f"{entry.width} columns") for entry in (best, rivals[0])
        ]
        question = Question("delimiter", "two delimiters make a table", readings, path, 1)
        mark = marks[answers.settle(question)]
        best = next(entry for entry in good if entry.delimiter == mark)
    name = NAMES.get(best.delimiter, repr(best.delimiter))
    rest = [NAMES[mark] for mark in NAMES if mark not in (best.delimiter, *_marks(rivals))]
    reason = f"a {name} makes {best.width} cells of {best.regular:.0%} of the rows"
    if not given:
        reason += f"; {', '.join(rest)} do not make so regular a table"
    if not best.quoting:
        reason += "; quotes are part of the text, as they do not match"
    return Layout(
        best.delimiter, best.quoting, best.width, best.regular, best.numeric, best.head, reason
    )  # fmt: skip


def _marks(layouts: list[Layout]) -> list[str]:
    return [entry.delimiter for entry in layouts]


def _measured(text: str, head: str, delimiter: str, quoting: bool) -> Layout | None:
    try:
        # Quotes that do not match may be anywhere; otherwise the head is enough.
        rows = cells(text if '"' in text else head, delimiter, quoting)[:SAMPLE_ROWS]
    except csv.Error:
        return None
    filled = [row for _, row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return None
    width, count = Counter(map(len, filled)).most_common(1)[0]
    flat = [cell.strip() for row in filled for cell in row if cell.strip()]
    numeric = sum(map(numbers.is_number, flat)) / max(len(flat), 1)
    if quoting and any("\n" in cell and '"' in cell for row in filled for cell in row):
        count *= 0.9  # a quote that opens by chance swallows lines
    head = len(filled[0]) == width
    return Layout(delimiter, quoting, width, count / len(filled), round(numeric, 1), head)
