"""Any CSV or TSV of observations in time: one time column, one or many value columns.

options (params.yaml, `datasets.<key>.options`), beside those of preparation/time_series.py:

    time            name of the time column, or names of several, whose cells are joined with a
                    space. ISO 8601. Times with an offset from UTC are converted to UTC for
                    steps of hours and less; days, weeks, months and longer are local ones
    time_format     of other times, as for Python's strptime: "%d.%m.%Y %H:%M"; or unix_seconds,
                    unix_milliseconds: since 1970
    time_zone       Europe/Berlin: of times without an offset; and in which days begin
    values          column -> unit, one or many: {temperature: degC, pressure: hPa}
    frequency       pandas' name of the step: 15min, h, D, W-SAT (weeks ending on Saturdays), MS
    missing         cells that mean "no value"; such a cell is a gap, like an absent time
    rows            first and last row to use, counted from 1 below the header: [1, 14400]
    empty           refuse | drop rows without a time
    duplicates      what to do with two rows of one time: refuse | first | last | mean
    delimiter       one character between cells
    decimal         the decimal mark: "." or ","
    encoding        Python's name of the file's encoding
    skip_lines      lines above the header to leave out: a title, remarks
    comment         lines that begin with this are left out: "#"
    units_row       whether the row below the header holds units
    thousands       what separates groups of digits: "." "," " " or "'"; a space is also a
                    no-break or thin one. Without it, separated groups are refused

Times must ascend: a file whose times do not may be two files in one.
"""

import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, field_validator, model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import Count
from pipelines.config.written_texts import Label
from pipelines.preparation import empty_texts, number_cells, tables, time_cells, time_series
from pipelines.preparation.tables import Character
from pipelines.preparation.time_grid import Observations


def _frequency(name: str) -> str:
    try:
        step = pd.tseries.frequencies.to_offset(name)
    except ValueError:
        step = None
    if step is None or step.n < 1:
        raise ValueError(
            "not a frequency that pandas knows; use 15min, h, D, W-SAT, MS, QS, YS or the like"
        )
    return name


class Options(time_series.Options):
    time: Label | Annotated[list[Label], Field(min_length=1)] = "time"
    time_format: str | None = None
    time_zone: Annotated[str, AfterValidator(time_cells.zone_name)] | None = None
    values: Annotated[dict[Label, Label], Field(min_length=1)]
    frequency: Annotated[str, AfterValidator(_frequency)]
    missing: list[Label] = [""]
    rows: list[Count] | None = None
    duplicates: Literal["refuse", "first", "last", "mean"] = "refuse"
    delimiter: Character = ","
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    encoding: str = "utf-8"
    skip_lines: Annotated[int, Field(strict=True, ge=0)] = 0
    comment: Annotated[str, Field(min_length=1)] | None = None
    units_row: bool = False
    empty: empty_texts.Empty = "refuse"

    @field_validator("rows")
    @classmethod
    def _first_and_last(cls, rows):
        if rows is not None and (len(rows) != 2 or rows[0] > rows[1]):
            raise ValueError("two numbers are needed, the first row and the last: [1, 14400]")
        return rows

    @model_validator(mode="after")
    def _marks_differ(self):
        if self.thousands == self.decimal:
            raise ValueError("`thousands` and `decimal` are the same mark; name two")
        return self

    @property
    def time_columns(self) -> list[str]:
        return [self.time] if isinstance(self.time, str) else self.time


class Observation(NamedTuple):
    """values: one per column, NaN where missing."""

    line: int
    time: datetime
    values: list[float]


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    data = read(raw, options)
    refuse_constant(data)
    return time_series.prepare(data, options.frequency, options, out)


def read(path: Path, options: Options) -> Observations:
    table = tables.read(
        path, options.encoding, options.delimiter, is_blank=tables.has_only_blank_cells,
        skip_lines=options.skip_lines, comment=options.comment,
    )  # fmt: skip
    if options.units_row:
        table = tables.without_first_row(table)
    clock = time_cells.Clock(options.time_format, options.time_zone, options.frequency)
    time_columns = [table.column(name, "time") for name in options.time_columns]
    value_columns = {name: table.column(name, "values") for name in options.values}
    observations: list[Observation] = []
    rows, empty = select_rows(table, options), []
    if not {"decimal", "thousands"} & options.model_fields_set:
        for name, column in value_columns.items():
            cells = ((line, row[column].strip()) for line, row in rows if column < len(row))
            number_cells.refuse_ambiguous(path, name, cells)
    for line, row in rows:
        table.check_width(line, row)
        cell = " ".join(row[column].strip() for column in time_columns)
        if not cell.strip():
            empty.append(line)
            continue
        previous_time = observations[-1].time if observations else None
        time = clock.read(path, line, cell, previous_time)
        if observations and time < observations[-1].time:
            previous = observations[-1]
            raise UserError(
                "time-order",
                f"{time} comes after {previous.time} (line {previous.line}); sort the file by time",
                path=path, line=line, value=str(time),
            )  # fmt: skip
        values = [
            read_value(path, line, name, row[column].strip(), options)
            for name, column in value_columns.items()
        ]
        observations.append(Observation(line, time, values))
    empty_texts.settle(path, "time", empty, options.empty, remaining=len(observations))
    return merge_duplicates(path, observations, options)


def refuse_constant(data: Observations) -> None:
    """Refuses columns from which nothing can be learned."""
    for name, values in zip(data.units, data.values.T, strict=True):
        known = values[~np.isnan(values)]
        if not len(known) or np.ptp(known) == 0:
            problem = f"is {known[0]:g} throughout" if len(known) else "has no value"
            raise UserError(
                "column-constant", f"column {name!r} {problem}; remove it from `values`",
                path=data.source, key="values", value=name,
            )  # fmt: skip


def select_rows(table: tables.Table, options: Options) -> list[tuple[int, tables.Row]]:
    """The rows that the option `rows` asks for."""
    first, last = options.rows or (1, len(table.rows))
    if last > len(table.rows):
        raise UserError(
            "rows-missing",
            f"{len(table.rows)} rows below the header, but `rows` asks for {first} to {last}; use "
            "the complete file or lower `rows`",
            path=table.path, key="rows", value=last,
        )  # fmt: skip
    return table.rows[first - 1 : last]


def read_value(path: Path, line: int, name: str, cell: str, options: Options) -> float:
    """The number in a cell, NaN for one of the option `missing`."""
    if cell in options.missing:
        return math.nan
    value = number_cells.parse(cell, options.decimal, options.thousands)
    if value is None:
        hint = number_cells.hint(cell, options.decimal, options.thousands)
        hint = hint or ("" if options.units_row else "; units_row: true passes over a row of units")
        raise UserError(
            "value-invalid",
            f"{name} is {cell!r}, not a finite number{hint}; fix it, or list it in `missing` if it "
            "means that there is no value",
            path=path, line=line, key="values", value=cell,
        )  # fmt: skip
    return value


def merge_duplicates(path: Path, observations: list[Observation], options: Options) -> Observations:
    """One row per time, as the option `duplicates` says."""
    times = pd.DatetimeIndex([row.time for row in observations])
    values = np.array([row.values for row in observations], np.float64)  # (rows, columns)
    lines = np.array([row.line for row in observations])
    is_duplicate = times.duplicated()
    if is_duplicate.any():
        row = int(is_duplicate.argmax())
        if options.duplicates == "refuse":
            raise UserError(
                "time-duplicate",
                f"{times[row]} is in line {lines[row - 1]} too, one of {is_duplicate.sum()} such "
                "rows; remove one, or set duplicates: first, last or mean, or, for local times "
                "when clocks go back, `time_zone`",
                path=path, line=int(lines[row]), key="duplicates", value=str(times[row]),
            )  # fmt: skip
        groups = pd.DataFrame(values, times).groupby(level=0, sort=True)
        values = getattr(groups, options.duplicates)().to_numpy()
        times, lines = times[~is_duplicate], lines[~is_duplicate]
    return Observations(path, times, values, dict(options.values), lines.tolist())
