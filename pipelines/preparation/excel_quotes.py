"""Whether the cells of a text table are in double quotes, as Excel's tab-delimited text has them.

Sentences may begin and end with quotes of their own, so a quote alone shows nothing. Cells are
quoted where every quote of the file fits the rules of quoting (doubled inside, none outside), all
rows keep the same number of cells, and something shows that a program wrote the quotes.
"""

import re
from pathlib import Path

from pipelines.config.errors import UserError


def is_quoted(path: Path, text: str, delimiter: str) -> bool:
    """Whether the cells of this text are quoted.

    Raises:
        UserError: `quoting-ambiguous`, where the file can be read in both ways.
    """
    if '"' not in text:
        return False
    rows = _parsed(text, delimiter)
    if rows is None or len({len(row) for row in rows}) > 1:
        return False
    cells = [cell for row in rows for cell in row]
    quoted = [cell for cell in cells if cell.startswith('"')]
    plain = [cell for cell in cells if cell and not cell.startswith('"')]
    one_line = [cell[1:-1] for cell in quoted if "\n" not in cell]
    has_doubled = any('""' in cell for cell in one_line if cell)
    has_delimiter = any(delimiter in cell for cell in one_line)
    # Excel quotes the cells that have a comma.
    commas = [cell for cell in quoted if "," in cell]
    is_of_excel = len(commas) == len(quoted) and not any("," in cell for cell in plain)
    if not plain or has_doubled or has_delimiter or (is_of_excel and len(quoted) > 1):
        return True
    if any("\n" in cell for cell in quoted):
        line = text[: text.index('"')].count("\n") + 1
        raise UserError(
            "quoting-ambiguous",
            "quotes around several lines: a cell with line breaks, or quotes that the sentences "
            "have; set quoting: true or quoting: false",
            path=path, line=line, key="quoting",
        )  # fmt: skip
    return False


def _parsed(text: str, delimiter: str) -> list[list[str]] | None:
    """Rows of cells, quoted ones with their quotes; None where a quote breaks the rules."""
    mark = re.escape(delimiter)
    pattern = re.compile(rf'("(?:[^"]|"")*"|[^"{mark}\r\n]*)({mark}|\r\n|\r|\n|\Z)')
    rows, row, position = [], [], 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            return None
        row.append(match[1])
        if match[2] != delimiter:
            rows += [row] if row != [""] else []  # blank lines have no cells
            row = []
        position = match.end()
    return [*rows, [*row, ""]] if row else rows
