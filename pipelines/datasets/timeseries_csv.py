"""Any CSV or TSV of readings in time: one time column, one or many value columns.

options (params.yaml, `datasets.<key>.options`), beside those of preparation/time_series.py:

    time            name of the time column, or names of several, whose cells are then joined with
                    a space. ISO 8601; with an offset from UTC, turned into UTC
    time_format     for other times, as Python's strptime has it: "%d.%m.%Y %H:%M"
    values          column -> unit, one or many: {temperature: degC, pressure: hPa}
    frequency       pandas' name of the step: 15min, h, D, W-SAT (weeks ending on Saturdays), MS
    missing         cells that mean "no value"; such a cell is a gap, like a time that is absent
    rows            first and last row to use, counted from 1 below the header: [1, 14400]
    duplicates      two rows of one time: refuse | first | last | mean
    delimiter, decimal, encoding    how the file is written

Rows must rise in time: a file that does not may be two files in one, and only its owner knows.
"""

import csv
import io
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, field_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.preparation import text_files, time_series

Character = Annotated[str, Field(min_length=1, max_length=1)]


def _frequency(name: str) -> str:
    try:
        step = pd.tseries.frequencies.to_offset(name)
    except ValueError:
        step = None
    if step is None or step.n < 1:
        raise ValueError("not a step pandas knows; use 15min, h, D, W-SAT, MS, QS, YS or the like")
    return name


class Options(time_series.Options):
    time: str | Annotated[list[str], Field(min_length=1)] = "time"
    time_format: str | None = None
    values: Annotated[dict[str, str], Field(min_length=1)]
    frequency: Annotated[str, AfterValidator(_frequency)]
    missing: list[str] = [""]
    rows: list[time_series.Count] | None = None
    duplicates: Literal["refuse", "first", "last", "mean"] = "refuse"
    delimiter: Character = ","
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"

    @field_validator("rows")
    @classmethod
    def _first_comes_first(cls, rows):
        if rows is not None and (len(rows) != 2 or rows[0] > rows[1]):
            raise ValueError("two numbers are needed, the first row and the last: [1, 14400]")
        return rows

    @property
    def time_columns(self) -> list[str]:
        return [self.time] if isinstance(self.time, str) else self.time


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    return time_series.prepare(read_table(raw, options), options.frequency, options, out)


def read_table(path: Path, options: Options) -> time_series.Readings:
    header, rows = read_rows(path, options)
    time_at = [text_files.column(path, header, len(header), name) for name in options.time_columns]
    value_at = [text_files.column(path, header, len(header), name) for name in options.values]
    times, values, lines = [], [], []
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} columns found, {len(header)} expected; "
                "check `delimiter`, or mend the line"
            )
        when = " ".join(row[at].strip() for at in time_at)
        time = read_time(path, line, when, options.time_format)
        if times and time < times[-1]:
            raise UserError(
                f"{path}, line {line}: {time} comes after {times[-1]} (line {lines[-1]}); "
                "sort the file by time"
            )
        times.append(time)
        lines.append(line)
        values.append(
            [read_value(path, line, header[at], row[at].strip(), options) for at in value_at]
        )
    table = one_row_a_time(path, times, np.array(values, np.float64), lines, options)
    for name, column in zip(options.values, table.values.T, strict=True):
        known = column[~np.isnan(column)]
        if not len(known) or np.ptp(known) == 0:
            found = f"is {known[0]:g} throughout" if len(known) else "has no value"
            raise UserError(f"{path}: column {name!r} {found}; remove it from `values`")
    return table


def read_rows(path: Path, options: Options) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and (line number, cells) of each row below that is asked for."""
    stream = io.StringIO(text_files.decode(path, options.encoding), newline="")
    reader = csv.reader(stream, delimiter=options.delimiter, strict=True)
    rows = []
    try:
        rows += ((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}; check `delimiter`") from None
    if len(rows) < 2:
        raise UserError(f"{path}: no data rows; a header line and rows below it are needed")
    header, count = [name.strip() for name in rows[0][1]], len(rows) - 1
    first, last = options.rows or (1, count)
    if last > count:
        raise UserError(
            f"{path}: {count} rows below the header, and `rows` asks for {first} to {last}; "
            "bring the whole file or lower it"
        )
    return header, rows[first : last + 1]


def read_time(path: Path, line: int, cell: str, form: str | None) -> datetime:
    try:
        time = datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)
    except ValueError:
        wanted = f"of the form {form!r}" if form else "ISO 8601 such as 2024-05-31T18:00"
        raise UserError(
            f"{path}, line {line}: {cell!r} is no time {wanted}; mend it or set `time_format`"
        ) from None
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def read_value(path: Path, line: int, name: str, cell: str, options: Options) -> float:
    if cell in options.missing:
        return math.nan
    try:
        value = float(cell.replace(",", ".") if options.decimal == "," else cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in cell:
        raise UserError(
            f"{path}, line {line}: {name} is {cell!r}, not a finite number; mend it, or name it "
            "in `missing` if it means that there is no value"
        )
    return value


def one_row_a_time(path: Path, times, values, lines, options: Options) -> time_series.Readings:
    index = pd.DatetimeIndex(times)
    again = index.duplicated()
    if again.any():
        row = int(again.argmax())
        if options.duplicates == "refuse":
            raise UserError(
                f"{path}, line {lines[row]}: {index[row]} stands in line {lines[row - 1]} too, one "
                f"of {again.sum()} such rows; remove one (is it local time, when clocks go back?) "
                "or set duplicates: first, last or mean"
            )
        table = pd.DataFrame(values, index).groupby(level=0, sort=True)
        values = getattr(table, options.duplicates)().to_numpy()
        lines = np.array(lines)[~again].tolist()
        index = index[~again]
    places = [f"line {line}" for line in lines]
    return time_series.Readings(path, index, values, dict(options.values), places)
