"""The few rows of results that README.md shows: the marker line names their experiments."""

import re
from pathlib import Path

from pipelines.commands import report
from pipelines.config.errors import UserError

PAGE = Path("README.md")
MARKED = re.compile(
    r"<!-- results of (?P<keys>[\w, -]+): .*? -->\n.*?<!-- end of results -->", re.DOTALL
)
COLUMNS = ("experiment", "metric", "model", "strong baseline", "difference", "fit s")


def with_rows(text: str, rows: list[dict]) -> str:
    """The page with the rows between its two markers.

    Args:
        text: of the page. Its first marker is `<!-- results of KEY, KEY: REMARK -->`.
        rows: of all experiments; the first one of an experiment, its first metric, is shown.
    """
    match = MARKED.search(text)
    if match is None:
        raise UserError(
            "marker-missing",
            "the line `<!-- results of KEY, KEY: written by make results -->` or "
            "`<!-- end of results -->` is missing; put both back",
            path=PAGE,
        )
    first = match[0].split("\n", 1)[0]
    block = f"{first}\n{table(match['keys'].split(', '), rows)}\n<!-- end of results -->"
    return text[: match.start()] + block + text[match.end() :]


def table(keys: list[str], rows: list[dict]) -> str:
    """A Markdown table with a row for each experiment that has results."""
    places = [report.HEADER.index(name) for name in COLUMNS]
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for key in keys:
        row = next((row for row in rows if row["experiment"] == key), None)
        if row is not None:
            cells = report.cells(row)
            lines.append(f"| {' | '.join(cells[place] for place in places)} |")
    return "\n".join(lines)
