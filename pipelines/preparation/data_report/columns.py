"""Findings on all columns of a table, also those that no model reads."""

from collections.abc import Sequence

from pipelines.preparation.data_report.findings import Finding, first
from pipelines.preparation.data_report.labels import MISSING

ALMOST_EMPTY = 0.9


def report(
    header: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]
) -> list[Finding]:
    """Findings on cells as they are written. lines: on which each row begins."""
    findings = []
    width = len(header)
    ragged = [n for n, row in enumerate(rows) if len(row) != width]
    if ragged:
        message = f"{len(ragged)} rows do not have {width} cells like the header"
        examples = first(f"line {lines[n]}: {len(rows[n])} cells" for n in ragged)
        findings.append(Finding("rows-ragged", "error", len(ragged), message, examples))
    blank = [n for n, row in enumerate(rows) if not any(cell.strip() for cell in row)]
    if blank:
        examples = first(f"line {lines[n]}" for n in blank)
        message = f"{len(blank)} rows are blank"
        findings.append(Finding("rows-blank", "warning", len(blank), message, examples))
    for place, name in enumerate(header):
        cells = [row[place].strip() for row in rows if len(row) > place]
        empty = sum(cell.casefold() in MISSING for cell in cells)
        if cells and len(set(cells)) == 1:
            message = f"column {name!r} is {cells[0]!r} in every row"
            findings.append(Finding("column-constant", "warning", len(cells), message))
        elif cells and empty > ALMOST_EMPTY * len(cells):
            message = f"column {name!r} has a value in {len(cells) - empty} of {len(cells)} rows"
            findings.append(Finding("column-almost-empty", "warning", empty, message))
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"{len(twice)} column names occur more than once"
        findings.append(Finding("column-twice", "warning", len(twice), message, first(twice)))
    return findings
