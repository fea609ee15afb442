"""Rows as a CSV, Parquet or JSON lines file, written as they come."""

import csv
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from pipelines.commands.prediction.answers import as_cell
from pipelines.config.errors import UserError, one_of
from pipelines.preparation.inspection import sheets

ROWS = 4096  # that a Parquet file groups at least


class Writer(AbstractContextManager):
    """Args:
    path: of the file.
    types: column -> its type, None for a text or a value of JSON."""

    def __init__(self, path: Path, types: Mapping[str, pyarrow.DataType | None]):
        self.path, self.types = path, types

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        raise NotImplementedError

    def __exit__(self, *error) -> None: ...


class Csv(Writer):
    delimiter = ","

    def __enter__(self):
        self.stream = self.path.open("w", encoding="utf-8", newline="")
        self.rows = csv.writer(self.stream, delimiter=self.delimiter, lineterminator="\n")
        self.rows.writerow(self.types)
        return self

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.rows.writerows([_cell(row.get(name)) for name in self.types] for row in rows)

    def __exit__(self, *error) -> None:
        self.stream.close()


class Tsv(Csv):
    delimiter = "\t"


class JsonLines(Writer):
    def __enter__(self):
        self.stream = self.path.open("w", encoding="utf-8")
        return self

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, default=sheets.text), file=self.stream)

    def __exit__(self, *error) -> None:
        self.stream.close()


class Parquet(Writer):
    def __enter__(self):
        fields = [(name, kind or pyarrow.string()) for name, kind in self.types.items()]
        self.schema = pyarrow.schema(fields)
        self.file = pyarrow.parquet.ParquetWriter(self.path, self.schema)
        self.pending: list[Mapping[str, Any]] = []
        return self

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.pending += rows
        if len(self.pending) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        columns = {
            name: [row.get(name) if kind else _text(row.get(name)) for row in self.pending]
            for name, kind in self.types.items()
        }
        self.file.write_table(pyarrow.table(columns, self.schema))
        self.pending = []

    def __exit__(self, kind, *error) -> None:
        if kind is None and self.pending:
            self._flush()
        self.file.close()


WRITERS = {".csv": Csv, ".tsv": Tsv, ".jsonl": JsonLines, ".ndjson": JsonLines, ".parquet": Parquet}


def by_ending(path: Path | None) -> type[Writer]:
    """The writer of a file's ending; without a file, that of CSV.

    Raises:
        UserError: `ending-unknown`.
    """
    ending = ".csv" if path is None else path.suffix.casefold()
    if ending not in WRITERS:
        message = f"no format for {ending or 'a name without an ending'!r}; "
        raise UserError(
            "ending-unknown", f"{message}{one_of(ending, WRITERS)}", path=path, key="--out",
            value=ending,
        )  # fmt: skip
    return WRITERS[ending]


def _cell(value: Any) -> str:
    return as_cell(_plain(value))


def _text(value: Any) -> str | None:
    return None if value is None else as_cell(_plain(value))


def _plain(value: Any) -> Any:
    is_time = isinstance(value, datetime.date | datetime.time)
    return sheets.text(value) if is_time or isinstance(value, bytes) else value


def types_of(names: Sequence[str], schema: pyarrow.Schema | None) -> dict:
    """Of the file's columns: those of a Parquet file, texts otherwise."""
    return {name: schema.field(name).type if schema else None for name in names}
