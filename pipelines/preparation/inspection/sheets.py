"""Excel, Parquet and JSON files as rows of text."""

import datetime
import importlib.util
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import ParseError

import pandas as pd
import pyarrow
import pyarrow.parquet

from pipelines.config.errors import UserError
from pipelines.preparation.inspection.questions import Answers, Question, Reading

ROWS = 1024  # of a Parquet file that are read at a time
INDEX = "__index_level_0__"
# What openpyxl was seen to raise on cut or altered workbooks.
DAMAGE = (zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, OSError)


def read(path: Path, kind: str, answers: Answers) -> tuple[list[tuple[int, list[str]]], str]:
    """(line, cells) of every row, and what was read."""
    if kind == "parquet":
        return _parquet(path)
    if kind == "json":
        return _json(path)
    return _workbook(path, answers)


def _parquet(path: Path) -> tuple[list[tuple[int, list[str]]], str]:
    try:
        frame = pd.read_parquet(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        message = f"not a whole Parquet file ({error}); write it again"
        raise UserError("parquet-damaged", message, path=path) from None
    if frame.index.name or isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.reset_index(names=frame.index.name or "time")
    return _rows(frame), "a Parquet table"


def _rows(frame: pd.DataFrame) -> list[tuple[int, list[str]]]:
    rows = [list(map(str, frame.columns)), *frame.itertuples(index=False)]
    return [(n, list(map(text, row))) for n, row in enumerate(rows, 1)]


def _json(path: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """A list of objects, or one object a line."""
    lines = not path.read_text("utf-8-sig").lstrip().startswith("[")
    try:
        frame = pd.read_json(path, lines=lines, dtype=False, convert_dates=False)
    except ValueError as error:
        message = f"neither a list of objects nor one object a line ({error}); write it as CSV"
        raise UserError("json-unreadable", message, path=path) from None
    return _rows(frame), "objects of JSON, one a row"


def _workbook(path: Path, answers: Answers) -> tuple[list[tuple[int, list[str]]], str]:
    try:
        _opened(path).close()
        frames = pd.read_excel(path, sheet_name=None, header=None, dtype=object)
    except DAMAGE as error:
        message = f"not a readable workbook ({error}); save it again"
        raise UserError("workbook-damaged", message, path=path) from None
    sheets = {str(name): frame for name, frame in frames.items() if not frame.empty}
    if not sheets:
        raise UserError("file-empty", "the workbook has no cells; bring rows", path=path)
    name = next(iter(sheets))
    if len(sheets) > 1:
        readings = [Reading(n, f"{len(f)} rows, {f.shape[1]} columns") for n, f in sheets.items()]
        name = answers.settle(Question("sheet", "several sheets with cells", readings, path))
    rows = sheets[name].itertuples(index=False)
    return [(n, list(map(text, row))) for n, row in enumerate(rows, 1)], f"sheet {name!r}"


def stream(path: Path, kind: str, answers: Answers) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row of a workbook or Parquet file, some at a time.

    Raises:
        UserError: as `read`.
    """
    yield from _streamed_parquet(path) if kind == "parquet" else _streamed_sheet(path, answers)


def _streamed_parquet(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        file = pyarrow.parquet.ParquetFile(path)
        # pandas' name of an index that has none: of times, where it is stored at all
        names = ["time" if name == INDEX else name for name in file.schema_arrow.names]
        yield 1, names
        batches = (batch.to_pydict().values() for batch in file.iter_batches(ROWS))
        rows = (row for columns in batches for row in zip(*columns, strict=True))
        for line, row in enumerate(rows, 2):
            yield line, list(map(text, row))
    except (pyarrow.ArrowException, OSError) as error:
        message = f"not a whole Parquet file ({error}); write it again"
        raise UserError("parquet-damaged", message, path=path) from None


def _streamed_sheet(path: Path, answers: Answers) -> Iterator[tuple[int, list[str]]]:
    try:
        book = _opened(path)
        sheet = book[sheet_name(path, book, answers)]
        for line, row in enumerate(sheet.iter_rows(values_only=True), 1):
            yield line, list(map(text, row))
    except DAMAGE as error:
        message = f"not a readable workbook ({error}); save it again"
        raise UserError("workbook-damaged", message, path=path) from None


def sheet_name(path: Path, book, answers: Answers) -> str:
    """The sheet that has cells; of several the one that is asked for."""
    names = [
        sheet.title
        for sheet in book.worksheets
        if any(cell is not None for row in sheet.iter_rows(values_only=True) for cell in row)
    ]
    if not names:
        raise UserError("file-empty", "the workbook has no cells; bring rows", path=path)
    if len(names) == 1:
        return names[0]
    readings = [Reading(name, "a sheet with cells") for name in names]
    return answers.settle(Question("sheet", "several sheets with cells", readings, path))


def _opened(path: Path):
    """A workbook whose rows are read one by one."""
    if importlib.util.find_spec("openpyxl") is None:
        message = "reading xlsx needs the package openpyxl; run `make install`, or save it as CSV"
        raise UserError("package-missing", message, path=path, value="openpyxl")
    import openpyxl

    return openpyxl.load_workbook(path, read_only=True, data_only=True)


def text(value: object) -> str:
    """A cell as a CSV has it: ISO times, shortest numbers, nothing for missing values."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time() and value.tzinfo is None
        return value.date().isoformat() if midnight else value.isoformat(" ")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
