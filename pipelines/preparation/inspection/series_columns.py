"""Which columns of a table are time and which are values, and the rows of one series."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pipelines.config.errors import UserError, one_of
from pipelines.preparation.inspection import times
from pipelines.preparation.inspection.columns import Column
from pipelines.preparation.inspection.questions import Answers, Question, Reading
from pipelines.preparation.inspection.table import Table

PARTS = ("year", "month", "day", "hour", "minute")
MOST_COLUMNS = 12


def time_columns(table: Table, profile: Sequence[Column], answers: Answers) -> list[str]:
    """The columns that give the time; none where there are none."""
    given = answers.column("time", table.path, table.names)
    if given:
        return [given]
    names = [column.name for column in profile if column.kind == "time"]
    if len(names) > 1:
        rising = [name for name in names if _rises(table.column(name), name)]
        if len(rising) == 1:
            return rising
        readings = [Reading(n, f"begins with {table.column(n)[0]}") for n in names]
        question = Question("time", "several columns hold times", readings, table.path)
        return [answers.settle(question)]
    clocks = [column.name for column in profile if column.kind == "clock"]
    if names and len(clocks) == 1 and len(set(table.column(names[0]))) < len(table.rows):
        return [*names, *clocks]
    if names:
        return names
    lower = {name.casefold(): name for name in table.names}
    parts = [lower[part] for part in PARTS if part in lower]
    return parts if len(parts) > 1 and parts[0].casefold() == "year" else []


def _rises(cells: Sequence[str], name: str) -> bool:
    known = [cell for cell in cells if cell]
    forms = times.fitting(known[:200], name)
    parsed = [times.parse(cell, forms[0]) for cell in known] if forms else [None]
    return None not in parsed and all(a <= b for a, b in zip(parsed, parsed[1:], strict=False))


def one_series(
    table: Table, profile: Sequence[Column], time: Sequence[str], answers: Answers,
    convert: list[str],
) -> Table:  # fmt: skip
    """Rows of one series, where a file holds one below the other."""
    joined = list(zip(*map(table.column, time), strict=True))
    if len(set(joined)) > 0.7 * len(joined):
        return table
    for column in profile:
        cells = table.column(column.name)
        if column.kind == "category" and len(set(zip(joined, cells, strict=True))) == len(joined):
            counts = Counter(cells)
            readings = [Reading(name, f"{count} rows") for name, count in counts.most_common(8)]
            message = f"column {column.name!r} tells {len(counts)} series apart; one is read"
            answer = answers.settle(Question("series", message, readings, table.path))
            convert.append(f"the rows with {column.name} {answer!r} alone")
            return table.take([n for n, cell in enumerate(cells) if cell == answer])
    return table


def value_columns(
    table: Table, profile: Sequence[Column], time: Sequence[str], answers: Answers,
    reasons: list[str],
) -> list[str]:  # fmt: skip
    """The columns to forecast."""
    given = answers.get("values")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        for name in names:
            if name not in table.names:
                message = f"no column {name!r}; {one_of(name, table.names)}"
                raise UserError(
                    "column-missing", message, path=table.path, key="--values", value=name
                )
        return names
    names, left_out = [], []
    for column in profile:
        if column.name in time:
            continue
        if column.kind != "number" or column.name.casefold() in PARTS:
            left_out.append(f"{column.name} ({column.kind})")
        elif _counts_rows(table.column(column.name)):
            left_out.append(f"{column.name} (counts the rows)")
        else:
            names.append(column.name)
    if not names:
        message = "no column of numbers beside the time; name one with --values"
        raise UserError("values-missing", message, path=table.path, key="--values")
    if len(names) > MOST_COLUMNS:
        readings = [
            Reading(names[0], "the first column alone"), Reading(",".join(names), "all of them")
        ]  # fmt: skip
        message = f"{len(names)} columns of numbers: which are to be forecast"
        names = answers.settle(Question("values", message, readings, table.path)).split(",")
    reasons.append(f"values: {', '.join(names)}: columns of numbers")
    if left_out:
        reasons.append(f"left out: {', '.join(left_out)}")
    return names


def _counts_rows(cells: Sequence[str]) -> bool:
    if not all(cell.isdigit() for cell in cells):
        return False
    counts = np.array(cells, np.float64)
    return bool((np.diff(counts) == 1).all())
