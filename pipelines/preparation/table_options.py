"""How a table is written: the options that all recipes of tables share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from pipelines.config.schema import STRICT
from pipelines.preparation import table_changes, tables
from pipelines.preparation.tables import Character


class TableOptions(BaseModel):
    """How a table is written.

    Args:
        delimiter: the character between cells.
        quoting: whether a cell in double quotes may hold delimiters and line breaks; without it,
            quotes belong to the cells, and a line is a row.
        encoding: of the file, by Python's name.
        skip_lines: lines above the header to leave out: a title, remarks.
        comment: lines that begin with this are left out: "#".
        names: of all columns, instead of those in the header: where there is none (header: false),
            or where two are equal.
        units_row: whether the row below the header holds units.
    """

    model_config = STRICT
    delimiter: Character = ","
    quoting: bool | None = True
    encoding: str = "utf-8"
    skip_lines: Annotated[int, Field(strict=True, ge=0)] = 0
    comment: Annotated[str, Field(min_length=1)] | None = None
    names: Annotated[list[str], Field(min_length=1)] | None = None
    units_row: bool = False

    def table(
        self, path: Path, *, header: bool = True, quoting: bool | None = None,
        is_blank: Callable[[tables.Row], bool] | None = tables.has_only_blank_cells,
    ) -> tables.Table:  # fmt: skip
        """The rows of a file that is written so; see `tables.read`.

        Args:
            quoting: instead of the option, where that leaves it open.
        """
        is_quoted = self.quoting if quoting is None else quoting
        table = tables.read(
            path, self.encoding, self.delimiter, header=header, quoting=bool(is_quoted),
            is_blank=is_blank, skip_lines=self.skip_lines, comment=self.comment,
        )  # fmt: skip
        if self.names is not None:
            table = table_changes.with_names(table, self.names)
        return table_changes.without_first_row(table) if self.units_row else table
