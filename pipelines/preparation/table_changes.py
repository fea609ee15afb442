"""A table with other names of its columns, with one more column, or without a row of units."""

from collections.abc import Sequence

from pipelines.config.errors import UserError
from pipelines.preparation.tables import Table


def with_names(table: Table, names: Sequence[str]) -> Table:
    """The table with other names of its columns.

    Raises:
        UserError: `names-count`, one name for each column is needed; `names-repeated`.
    """
    if len(names) != table.width:
        raise UserError(
            "names-count",
            f"{len(names)} names for {table.width} columns ({', '.join(table.first_row[:8])}); "
            "list one for each, in their order",
            path=table.path, line=1, key="names", value=len(names),
        )  # fmt: skip
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise UserError(
            "names-repeated", f"{repeated!r} is the name of two columns; change one",
            path=table.path, key="names", value=repeated,
        )  # fmt: skip
    return Table(table.path, list(names), table.rows)


def with_column(table: Table, name: str, value: str) -> Table:
    """The table with a last column that holds one value.

    Raises:
        UserError: `column-ambiguous`, where it has a column of that name.
    """
    if name in [cell.strip() for cell in table.header or ()]:
        raise UserError(
            "column-ambiguous", f"the file has a column {name!r}; choose another `file_column`",
            path=table.path, line=1, key="file_column", value=name,
        )  # fmt: skip
    for line, row in table.rows:
        table.check_width(line, row)
    header = [*(table.header or map(str, range(table.width))), name]
    return Table(table.path, header, [(line, [*row, value]) for line, row in table.rows])


def without_first_row(table: Table) -> Table:
    """The table without the row of units below its header."""
    if len(table.rows) < 2:
        raise UserError("rows-missing", "no data rows below the row of units", path=table.path)
    return Table(table.path, table.header, table.rows[1:])
