"""Rows without a text: counted, named by line, and refused or left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pipelines.config.errors import UserError
from pipelines.preparation.tables import Table

MAX_SHOWN = 5  # places in a message
Empty = Literal["refuse", "drop"]


def settle(
    path: Path, what: str, places: Sequence[int | str], option: Empty, *, remaining: int
) -> None:  # fmt: skip
    """Refuses rows in which something is empty, or prints how many are left out.

    Args:
        path: the file or folder.
        what: "text", "label", "question", "time" and the like: what the first of them lacks.
        places: of these rows: lines, or names of files.
        option: refuse | drop.
        remaining: how many other rows there are.

    Raises:
        UserError: `text-empty` and the like; `rows-missing` where none would be left.
    """
    if not places:
        return
    is_line = isinstance(places[0], int)
    shown = ", ".join(map(str, places[:MAX_SHOWN])) + ", ..." * (len(places) > MAX_SHOWN)
    listed = f"{'lines' if is_line else 'files'} {shown}"
    if option == "refuse":
        raise UserError(
            f"{what}-empty",
            f"empty {what}; {len(places)} empty in all ({listed}); correct or remove them, or set "
            "empty: drop",
            path=path if is_line else path / places[0],
            line=places[0] if is_line else None, key="empty", value=len(places),
        )  # fmt: skip
    lacking = "text or label" if what in ("text", "label") else what
    print(f"{path}: {len(places)} dropped for an empty {lacking} ({listed})")
    if not remaining:
        raise UserError("rows-missing", "every row is empty; use another file", path=path)


def complete_rows(
    table: Table, columns: Mapping[str, str], option: Empty
) -> list[tuple[int, tuple[str, ...]]]:
    """(line, stripped cells) of the rows that have a text in each of the columns.

    Args:
        table: of any form.
        columns: option -> the column that it names.
        option: refuse | drop the other rows.
    """
    places = {name: table.column(column, name) for name, column in columns.items()}
    rows, empty = [], []
    for line, cells in table.rows:
        table.check_width(line, cells)
        values = {name: cells[place].strip() for name, place in places.items()}
        lacking = [name for name, value in values.items() if not value]
        if lacking:
            empty.append((line, lacking[0]))
        else:
            rows.append((line, tuple(values.values())))
    first = empty[0][1] if empty else ""
    lines = [line for line, _ in empty]
    settle(table.path, first, lines, option, remaining=len(rows))
    return rows
