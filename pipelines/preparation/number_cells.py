"""Numbers in the cells of a table: decimal marks and thousands separators of any locale."""

import math
import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.config.errors import UserError

SEPARATORS = {
    ".": ".", ",": ",", " ": " \u00a0\u202f\u2009", "'": "'\u2019",
}  # fmt: skip  # option -> the characters that it means
# 1,234,567 and, as in India, 12,34,567; {0} is any of the separators, {1} the decimal mark.
_GROUPED = r"[+-]?\d{{1,3}}(?:[{0}]\d{{2,3}})*[{0}]\d{{3}}(?:{1}\d*)?(?:[eE][+-]?\d+)?"
_DOUBTFUL = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_WHOLE = re.compile(r"[+-]?[1-9]\d{0,2}")


def parse(cell: str, decimal: str, thousands: str | None) -> float | None:
    """The finite number in a cell, None where there is none.

    Args:
        cell: without spaces around it.
        decimal: the decimal mark, "." or ",".
        thousands: a key of SEPARATORS, None where groups of digits are not separated.
    """
    if thousands and _is_grouped(cell, decimal, thousands):
        cell = re.sub(f"[{SEPARATORS[thousands]}]", "", cell)
    if decimal != "." and "." in cell:
        return None  # 1.049 with a decimal comma is not a little more than 1
    try:
        value = float(cell.replace(decimal, ".").replace("\u2212", "-"))
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in cell else None


def hint(cell: str, decimal: str, thousands: str | None) -> str:
    """The options that would read a cell, as part of a message; "" where there are none."""
    readings: dict[float, str] = {}
    for mark in (decimal, "," if decimal == "." else "."):
        for separator in (None, *SEPARATORS):
            if separator == mark or (mark, separator) == (decimal, thousands):
                continue
            value = parse(cell, mark, separator)
            if value is not None:
                settings = {"decimal": mark, "thousands": separator}
                changed = [f'{key}: "{text}"' for key, text in settings.items() if text]
                readings.setdefault(value, f"{value:g} with {' and '.join(changed)}")
    return f" (it is {' or '.join(readings.values())})" if readings else ""


def refuse_ambiguous(
    path: Path, name: str, cells: Iterable[tuple[int, str]], delimiter: str
) -> None:
    """Refuses a column such as 1.049, 775, 1.147, where a dot may separate thousands.

    Args:
        path: the file, for the error.
        name: of the column.
        cells: (line, cell) of every row.
        delimiter: of the file; a semicolon is customary where the comma is the decimal mark.

    Raises:
        UserError: `number-ambiguous`, where every dot is before exactly three digits and either
            other numbers have none, as numbers below a thousand do, or the delimiter is ";".
    """
    first, has_whole = None, False
    for line, cell in cells:
        if "." in cell:
            if not _DOUBTFUL.fullmatch(cell):
                return
            first = first or (line, cell)
        else:
            has_whole = has_whole or bool(_WHOLE.fullmatch(cell))
    if first and (has_whole or delimiter == ";"):
        line, cell = first
        raise UserError(
            "number-ambiguous",
            f"{name} is {cell!r}, and a dot may separate thousands: set thousands: \".\" and "
            f'decimal: "," if that is {cell.replace(".", "")}, or decimal: "." if it is {cell}',
            path=path, line=line, key="values", value=cell,
        )  # fmt: skip


def _is_grouped(cell: str, decimal: str, thousands: str) -> bool:
    pattern = _GROUPED.format(SEPARATORS[thousands], re.escape(decimal))
    return bool(re.fullmatch(pattern, cell))
