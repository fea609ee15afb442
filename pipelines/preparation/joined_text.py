"""One text from several columns of a table: the form in which a client sends it, too."""

from collections.abc import Sequence
from typing import Any


def join(
    cells: Sequence[str], columns: Sequence[str], separator: str, *, with_names: bool
) -> str:  # fmt: skip
    """The text of a row; empty cells are left out.

    Args:
        cells: of the columns.
        columns: their names.
        separator: between two of them.
        with_names: whether a cell follows its column's name: "price: 12".
    """
    pairs = [(column, cell.strip()) for column, cell in zip(columns, cells, strict=True)]
    return separator.join(
        f"{column}: {cell}" if with_names else cell for column, cell in pairs if cell
    )


def metadata(columns: Sequence[str], separator: str, *, with_names: bool) -> dict[str, Any]:
    """What the spec says of the form of a request, in `task_metadata`."""
    return {
        "text_columns": list(columns), "separator": separator, "column_names": with_names,
    }  # fmt: skip
