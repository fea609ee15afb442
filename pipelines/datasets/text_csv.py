"""Any CSV or TSV of labelled texts, or a folder of them: train.csv, test.csv.

The options are those of `Options`, of a table (preparation/table_options.py) and of labelled texts
(preparation/labelled_texts.py).
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from pipelines import spec
from pipelines.preparation import (
    empty_texts,
    joined_text,
    label_names,
    labelled_texts,
    source_files,
    table_changes,
    tables,
)
from pipelines.preparation.splits import SplitSources
from pipelines.preparation.table_options import TableOptions
from pipelines.preparation.tables import Position

Column = str | Position


class Options(labelled_texts.Options, TableOptions):
    """Which columns and files are read.

    Args:
        text: the column of the texts: its name, or its position counted from 0 (then `header` must
            say whether the first row holds names). Several columns, also of numbers or categories,
            are joined into one text: [title, body, price].
        separator: between the cells of several text columns.
        column_names: whether each of several cells follows its column's name: "price: 12".
        label: the column of the labels, as `text`.
        files: a folder's files: {train: ..., val: ..., test: ...}, where val and test are drawn
            from train if they are not given; or {all: ...}, to be split here. Each is a name, a
            pattern such as "2024-*.csv", or a list of these.
        file_column: name of a column that every row then has, for `text` or `label`: its file's
            name without the ending.
        header: whether the first row holds names of columns.
    """

    text: Column | Annotated[list[Column], Field(min_length=1)] = "text"
    separator: str = " "
    column_names: bool = False
    label: Column = "label"
    files: SplitSources[str | list[str]] | None = None
    file_column: Annotated[str, Field(min_length=1)] | None = None
    header: bool | None = None

    @model_validator(mode="after")
    def _header_is_known(self):
        columns = [*self.text_columns, self.label]
        if self.header is None and all(isinstance(column, int) for column in columns):
            raise ValueError(
                "columns are given by position; set header: false if the first row is data, or "
                "header: true if it holds names"
            )
        return self

    @model_validator(mode="after")
    def _several_are_joined(self):
        if (
            not isinstance(self.text, list)
            and {"separator", "column_names"} & self.model_fields_set
        ):
            raise ValueError("`separator` and `column_names` are for several columns: text: [a, b]")
        return self

    @property
    def text_columns(self) -> list[Column]:
        return self.text if isinstance(self.text, list) else [self.text]


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rows, columns = [], []
    for split, entry in source_files.by_split(raw, options.files).items():
        for name in [""] if entry is None else source_files.members(raw, entry):
            path = raw / name
            table = read_table(path, options)
            columns = column_names(table, options)
            for line, text, label in read_texts(table, options):
                rows.append(labelled_texts.Row(text, label, name, line, split))
    form = {}
    if isinstance(options.text, list):
        form = joined_text.metadata(columns, options.separator, with_names=options.column_names)
    return labelled_texts.prepare(raw, rows, options, out, seed, form)


def read_table(path: Path, options: Options) -> tables.Table:
    table = options.table(path, header=options.header is not False)
    if options.file_column is not None:
        stem = path.name.removesuffix("".join(path.suffixes)) or path.name
        table = table_changes.with_column(table, options.file_column, stem)
    return table


def column_names(table: tables.Table, options: Options) -> list[str]:
    """Of the text columns; positions where the table has no header."""
    positions = [table.column(column, "text") for column in options.text_columns]
    names = table.header or [str(position) for position in range(table.width)]
    return [names[position].strip() for position in positions]


def read_texts(table: tables.Table, options: Options) -> list[tuple[int, str, str]]:
    """(line number, text, class) of the data rows of a table."""
    label_column = table.column(options.label, "label")
    text_columns = [table.column(column, "text") for column in options.text_columns]
    names = column_names(table, options)
    rows, empty = [], []
    for line, row in table.rows:
        table.check_width(line, row)
        label = row[label_column].strip()
        cells = [row[column] for column in text_columns]
        text = joined_text.join(
            cells, names, options.separator, with_names=options.column_names
        )  # fmt: skip
        if text and label:
            name = label_names.class_name(label, options.labels, table.path, line)
            rows.append((line, text, name))
        else:
            empty.append((line, "label" if text else "text"))
    first = empty[0][1] if empty else ""
    lines = [line for line, _ in empty]
    empty_texts.settle(table.path, first, lines, options.empty, remaining=len(rows))
    return rows
