"""Numbers as people write them: decimal points or commas, thousands separators."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation.inspection.questions import Answers, Question, Reading

SPACES = "\u00a0\u202f\u2009 '’"  # thousands separators that are never decimal marks
NUMBER = re.compile(
    rf"[+-]?(?:\d+|\d{{1,3}}(?:[.,{SPACES}]\d{{3}})+)?(?:[.,]\d*)?(?:[eE][+-]?\d+)?"
)


@dataclass(frozen=True)
class NumberFormat:
    """decimal: "." or ",". thousands: every separator to leave out. reason: what shows it."""

    decimal: str = "."
    thousands: str = ""
    reason: str = "plain numbers"

    def plain(self, cell: str) -> str:
        """The number as Python writes it."""
        for mark in self.thousands:
            cell = cell.replace(mark, "")
        return cell.replace(self.decimal, ".")


def is_number(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell) and bool(NUMBER.fullmatch(cell))


def number_format(
    columns: Mapping[str, Sequence[tuple[str, int]]], delimiter: str, path: Path, answers: Answers
) -> NumberFormat:
    """How the numbers of a file are written.

    A single separator before exactly three digits has two readings: 1.049 is one thousand and
    forty-nine, or a little more than one. Any cell of the file that has one reading settles it. So
    does a comma between the cells: it leaves the point as decimal mark, unless some cells of the
    column have none, as numbers below a thousand do.

    Args:
        columns: (cell, line) of the numeric cells of each column.

    Raises:
        UserError: `ambiguous-decimal`, `decimal-contradiction`.
    """
    certain: dict[str, tuple[str, int]] = {}
    doubtful = None
    separators: set[str] = set()
    for cells in columns.values():
        kinds = [(_decimal(cell), cell, line) for cell, line in cells]
        separators |= {mark for cell, _ in cells for mark in cell if mark in ".," or mark in SPACES}
        for decimal, cell, line in kinds:
            if decimal in (".", ","):
                certain.setdefault(decimal, (cell, line))
        doubts = [(cell, line) for decimal, cell, line in kinds if decimal == "?"]
        if doubts and delimiter == "," and len(doubts) == len(kinds) and "." in doubts[0][0]:
            certain.setdefault(".", doubts[0])
        elif doubts and doubtful is None:
            doubtful = doubts[0]
    spaces = "".join(sorted(separators & set(SPACES)))
    given = answers.get("decimal")
    if given is None and len(certain) == 2:
        (point, line), (comma, _) = certain["."], certain[","]
        message = f"{point!r} has a decimal point and {comma!r} a decimal comma; write one of them"
        raise UserError("decimal-contradiction", message, path=path, line=line, value=point)
    if given is None and certain:
        ((decimal, (cell, line)),) = certain.items()
        return _format(decimal, separators, spaces, f"{cell} in line {line} has one reading")
    if doubtful is None and given is None:
        return NumberFormat(".", spaces, "whole numbers")
    cell, line = doubtful or next(iter(cells for cells in columns.values() if cells))[0]
    mark = next((mark for mark in cell if mark in ".,"), ".")
    plain, other = cell.replace(mark, ""), "," if mark == "." else "."
    readings = [
        Reading(mark, f"{cell} is {cell.replace(mark, '.')}"),
        Reading(other, f"{cell} is {plain}"),
    ]
    message = f"{cell!r}: a decimal mark or a thousands separator; no cell of the file tells"
    decimal = answers.settle(Question("decimal", message, readings, path, line))
    return _format(decimal, separators, spaces, "given or asked")


def _format(decimal: str, separators: Iterable[str], spaces: str, reason: str) -> NumberFormat:
    other = "," if decimal == "." else "."
    return NumberFormat(decimal, (other if other in separators else "") + spaces, reason)


def _decimal(cell: str) -> str:
    """The decimal mark that the cell shows; "?" with two readings, "" where it shows none."""
    marks = [mark for mark in cell if mark in ".,"]
    if not marks:
        return ""
    other = "," if marks[-1] == "." else "."
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) > 1:
        return other
    before, after = re.split("[.,]", cell.lstrip("+-"))
    grouped = re.fullmatch(r"[1-9]\d{0,2}", before) and re.fullmatch(r"\d{3}", after)
    return "?" if grouped else marks[0]
