"""Requests from tables: CSV and TSV, Excel, Parquet, JSON lines, lines of text."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from pipelines.commands.prediction.columns import Layout, distinct
from pipelines.commands.prediction.rows import BadRow, Request
from pipelines.config.errors import UserError
from pipelines.preparation import excel_quotes, row_stream, tables
from pipelines.preparation.inspection import sheets
from pipelines.preparation.inspection.questions import Answers

ROWS = 1024  # of a Parquet file that are read at a time


class Delimited:
    """A CSV or TSV file, written as the options of the recipe say."""

    def __init__(self, path: Path, layout: Layout, options: Any):
        self.path, self.layout = path, layout
        self.encoding = getattr(options, "encoding", "utf-8")
        self.delimiter = getattr(options, "delimiter", ",")
        quoting = getattr(options, "quoting", True)
        if quoting is None:
            head = row_stream.head(path, self.encoding)
            quoting = excel_quotes.is_quoted(path, head, self.delimiter)
        self.form = {
            "quoting": quoting,
            "skip_lines": getattr(options, "skip_lines", 0),
            "comment": getattr(options, "comment", None),
        }
        self.has_header = getattr(options, "header", True) is not False
        first = next(self._rows(), None)
        if first is None:
            raise UserError("rows-missing", "no rows; at least one is needed", path=path)
        header = first.cells if self.has_header else None
        self.table = tables.Table(path, header, [(first.line, first.cells)])
        self.names = distinct(header or [""] * len(first.cells))
        self.places = {name: self.names.index(c) for name, c in self._columns().items()}
        self.description = (
            f"a table, delimiter {self.delimiter!r}, {self.encoding}; {layout.described()}"
        )

    def _columns(self) -> dict[str, str]:
        return self.layout.find(self.path, self.names)

    def _rows(self) -> Iterator[row_stream.Cells]:
        rows = row_stream.rows(self.path, self.encoding, self.delimiter, **self.form)
        return (row for row in rows if tables.has_content(row.cells))

    def requests(self) -> Iterator[Request | BadRow]:
        rows = self._rows()
        if self.has_header:
            next(rows)
        for line, cells, problem in rows:
            place = f"line {line}"
            try:
                if problem:
                    raise ValueError(problem)
                self.table.check_width(line, cells)
                inputs = self.layout.values({n: cells[p] for n, p in self.places.items()})
            except UserError as error:
                yield BadRow(place, error.message.partition(";")[0])
            except ValueError as error:
                yield BadRow(place, str(error))
            else:
                yield Request(place, inputs, dict(zip(self.names, cells, strict=True)))


class Lines:
    """A text on each line; blank lines at the end are passed over."""

    def __init__(self, path: Path, layout: Layout, options: Any, labels: Sequence[str] = ()):
        self.path, self.layout = path, layout
        self.encoding = getattr(options, "encoding", "utf-8")
        (self.input,) = layout.kinds
        self.labels = labels
        self.names = [*(["label"] if labels else []), self.input]
        self.description = f"lines of text, {self.encoding}" + (
            ", each after its label" if labels else ""
        )

    def requests(self) -> Iterator[Request | BadRow]:
        blank: list[str] = []
        for line, (text,), problem in row_stream.lines(self.path, self.encoding):
            place = f"line {line}"
            if not text.strip():
                blank.append(place)
                continue
            yield from (BadRow(empty, f"{self.input} is empty") for empty in blank)
            blank = []
            yield BadRow(place, problem) if problem else self._request(place, text.strip())

    def _request(self, place: str, text: str) -> Request | BadRow:
        label, _, rest = text.partition(" ") if self.labels else ("", "", text)
        if self.labels and (label not in self.labels or not rest.strip()):
            return BadRow(place, "no label at its beginning, as the other lines have")
        columns = {"label": label, self.input: rest.strip()}
        inputs = self.layout.values({self.input: rest})
        return Request(place, inputs, {name: columns[name] for name in self.names})


class Records:
    """Rows that are mappings: of a Parquet, Excel or JSON lines file."""

    def __init__(self, path: Path, layout: Layout, names: Sequence[str], description: str):
        self.path, self.layout, self.names = path, layout, names
        self.places = layout.find(path, names)
        self.description = f"{description}; {layout.described()}"

    def records(self) -> Iterable[tuple[str, dict | str]]:
        """(place, values by name, or what is wrong with the row)."""
        raise NotImplementedError

    def requests(self) -> Iterator[Request | BadRow]:
        for place, record in self.records():
            try:
                if isinstance(record, str):
                    raise ValueError(record)
                cells = {name: record.get(column) for name, column in self.places.items()}
                yield Request(place, self.layout.values(cells), record)
            except ValueError as error:
                yield BadRow(place, str(error))


class Parquet(Records):
    def __init__(self, path: Path, layout: Layout):
        try:
            self.schema = pyarrow.parquet.ParquetFile(path).schema_arrow
        except (pyarrow.ArrowException, OSError) as error:
            message = f"not a whole Parquet file ({error}); write it again"
            raise UserError("parquet-damaged", message, path=path) from None
        super().__init__(path, layout, self.schema.names, "a Parquet table")

    def records(self) -> Iterable[tuple[str, dict]]:
        row = 0
        for batch in pyarrow.parquet.ParquetFile(self.path).iter_batches(ROWS):
            for record in batch.to_pylist():
                row += 1
                yield f"row {row}", record


class Workbook(Records):
    """sheet: its name, needed where several have cells."""

    def __init__(self, path: Path, layout: Layout, sheet: str | None):
        self.path, self.answers = path, Answers({"sheet": sheet} if sheet else {})
        _, header = next(self._rows())
        super().__init__(path, layout, distinct(header), "an Excel workbook")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        rows = sheets.stream(self.path, "xlsx", self.answers)
        return (row for row in rows if tables.has_content(row[1]))

    def records(self) -> Iterable[tuple[str, dict]]:
        rows = self._rows()
        next(rows)
        for line, cells in rows:
            cells += [""] * (len(self.names) - len(cells))
            yield f"row {line}", dict(zip(self.names, cells, strict=False))


class JsonLines(Records):
    """An object on each line, with the columns or the request inputs as names; or a text."""

    def __init__(self, path: Path, layout: Layout):
        names: dict[str, None] = {}
        self.path, self.text = path, next(iter(layout.kinds))
        for _, record in self.records():
            names |= dict.fromkeys(record) if isinstance(record, dict) else {}
        super().__init__(path, _with_inputs(layout, list(names)), list(names), "JSON lines")

    def records(self) -> Iterable[tuple[str, dict | str]]:
        for line, (text,), problem in row_stream.lines(self.path, "utf-8"):
            if text.strip():
                yield f"line {line}", problem or self._record(text)

    def _record(self, text: str) -> dict | str:
        try:
            value = json.loads(text)
        except ValueError as error:
            return f"not valid JSON ({error})"
        if isinstance(value, str):
            return {self.text: value}
        return value if isinstance(value, dict) else "neither an object nor a string"


def _with_inputs(layout: Layout, names: Sequence[str]) -> Layout:
    """Names of request inputs are accepted as well as those of the data set's columns."""
    for name in layout.kinds:
        if name in names and layout.columns[name] not in names:
            layout.columns[name] = name
    return layout


def check_arrays(request: Request, shapes: dict[str, list]) -> str | None:
    """What is wrong with the nested lists of a request, None where they have their shapes.

    Args:
        request: from JSON.
        shapes: request input -> shape of a row; None: any length.
    """
    for name, shape in shapes.items():
        try:
            array = np.asarray(request.inputs[name], np.float64)
        except (TypeError, ValueError):
            return f"{name} is not an array of numbers"
        fits = array.ndim == len(shape) and all(
            n is None or n == size for n, size in zip(shape, array.shape, strict=True)
        )
        if not fits:
            return f"{name} has the shape {list(array.shape)}, not {shape}"
        if not np.isfinite(array).all():
            return f"{name} has a value that is not a finite number"
    return None
