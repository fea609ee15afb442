"""Readings out of a table: one time column, one or many value columns; any CSV or TSV.

Times must ascend: a file whose times do not may be two files in one.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from pipelines.config.errors import UserError
from pipelines.config.schema import Count
from pipelines.config.written_texts import Label
from pipelines.preparation import empty_texts, number_cells, tables, time_cells
from pipelines.preparation.observations import Observation
from pipelines.preparation.table_options import TableOptions
from pipelines.preparation.validation import Place

FLAGS = {"true": 1.0, "false": 0.0}  # in columns that are not values
COUNTED_FROM = "2000-01-01"  # a step's number is what counts; pandas needs times
SHORT_STEP = "s"  # of readings without a frequency: their times are those of an instant


def _time(cell: str) -> str:
    try:
        return time_cells.iso_time(cell).isoformat()
    except ValueError:
        raise ValueError("not a time; use 1949-01, 2024-05-31 or 2024-05-31T18:00") from None


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


Frequency = Annotated[str, AfterValidator(_frequency)]


class ReadingOptions(TableOptions):
    """Which columns are read, and how their cells are written.

    Args:
        time: name of the time column, or names of several, whose cells are joined with a space;
            null: none, every row is a step. ISO 8601. Times with an offset from UTC are converted
            to UTC for steps of hours and less; days, weeks, months and longer are local ones.
        time_format: of other times, as for Python's strptime: "%d.%m.%Y %H:%M"; or unix_seconds,
            unix_milliseconds, unix_microseconds: since 1970.
        time_zone: Europe/Berlin: of times without an offset; and in which days begin.
        start: with time: null, the time of the first row: 1949-01. Default: steps are counted.
        values: column -> unit, one or many: {temperature: degC, pressure: hPa}.
        frequency: pandas' name of the step: 15min, h, D, W-SAT (weeks ending on Saturdays), MS.
        missing: cells that mean "no value"; such a cell is a gap, like an absent time.
        rows: first and last row to use, counted from 1 below the header: [1, 14400].
        sample_rows: use only so many rows, the last ones.
        files: a folder's files, one series in parts: names, or patterns such as "2024-*.csv". They
            are put in the order of their times.
        empty: refuse | drop rows without a time.
        duplicates: what to do with two rows of one time: refuse | first | last | mean.
        header: whether the first row holds names of columns; without it, give `names`.
        decimal: the decimal mark.
        thousands: what separates groups of digits: "." "," " " or "'"; a space is also a no-break
            or thin one. Without it, separated groups are refused.
    """

    time: Label | Annotated[list[Label], Field(min_length=1)] | None = "time"
    time_format: str | None = None
    time_zone: Annotated[str, AfterValidator(time_cells.zone_name)] | None = None
    start: Annotated[str, BeforeValidator(str), AfterValidator(_time)] | None = None
    values: Annotated[dict[Label, Label], Field(min_length=1)]
    frequency: Frequency | None = "D"
    missing: list[Label] = [""]
    rows: list[Count] | None = None
    sample_rows: Count | None = None
    files: str | Annotated[list[str], Field(min_length=1)] | None = None
    duplicates: Literal["refuse", "first", "last", "mean"] = "refuse"
    header: bool = True
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    empty: empty_texts.Empty = "refuse"

    @field_validator("rows")
    @classmethod
    def _first_and_last(cls, rows):
        if rows is not None and (len(rows) != 2 or rows[0] > rows[1]):
            raise ValueError("two numbers are needed, the first row and the last: [1, 14400]")
        return rows

    @model_validator(mode="after")
    def _options_fit(self):
        given = self.model_fields_set | ({"frequency"} if self.frequency is None else set())
        if self.thousands == self.decimal:
            raise ValueError("`thousands` and `decimal` are the same mark; name two")
        if self.time is not None and "frequency" not in given:
            raise ValueError("`frequency` is missing; add the step of the times: h, D, W-SUN, MS")
        if self.time is not None and self.start is not None:
            raise ValueError("`start` is for rows without times; remove it, or set time: null")
        if self.time is None and (used := {"time_format", "time_zone", "duplicates"} & given):
            raise ValueError(f"there are no times; remove `{min(used)}`, or name the time column")
        if self.files is not None and (self.rows is not None or self.time is None):
            raise ValueError("`files` needs a time column, and goes without `rows`")
        if not self.header and self.names is None:
            raise ValueError("without a header, list a name for every column in `names`")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """The option that names each column of numbers."""
        return dict.fromkeys(self.values, "values")

    @property
    def time_columns(self) -> list[str]:
        return [self.time] if isinstance(self.time, str) else self.time or []

    @property
    def is_counted(self) -> bool:
        """Whether steps have numbers instead of times."""
        return self.time is None and self.start is None

    @property
    def step_name(self) -> str:
        is_unnamed = self.is_counted and "frequency" not in self.model_fields_set
        return "step" if is_unnamed else self.frequency


def read_file(path: Path, options: ReadingOptions) -> list[Observation]:
    """The observations of one file, at least one."""
    table = options.table(path, header=options.header)
    time_columns = [table.column(name, "time") for name in options.time_columns]
    value_columns = {name: table.column(name, key) for name, key in options.columns.items()}
    rows = select_rows(table, options)
    if not {"decimal", "thousands"} & options.model_fields_set:
        for name, column in value_columns.items():
            cells = ((line, row[column].strip()) for line, row in rows if column < len(row))
            number_cells.refuse_ambiguous(path, name, cells, options.delimiter)
    frequency = options.frequency or SHORT_STEP
    clock = time_cells.Clock(options.time_format, options.time_zone, frequency)
    steps = iter(counted_times(options, len(rows)))
    read_rows: list[Observation] = []
    empty = []
    for line, row in rows:
        table.check_width(line, row)
        cell = " ".join(row[column].strip() for column in time_columns)
        if time_columns and not cell.strip():
            empty.append(line)
            continue
        previous = read_rows[-1].time if read_rows else None
        time = clock.read(path, line, cell, previous) if time_columns else next(steps)
        values = [
            read_value(path, line, name, row[column].strip(), options)
            for name, column in value_columns.items()
        ]
        read_rows.append(Observation(Place(path, line), time, values))
    empty_texts.settle(path, "time", empty, options.empty, remaining=len(read_rows))
    return read_rows


def counted_times(options: ReadingOptions, rows: int) -> pd.DatetimeIndex:
    """Of rows without a time column; none otherwise."""
    count = rows if options.time is None else 0
    frequency = options.frequency or SHORT_STEP
    return pd.date_range(options.start or COUNTED_FROM, periods=count, freq=frequency)


def select_rows(table: tables.Table, options: ReadingOptions) -> list[tuple[int, tables.Row]]:
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


def read_value(path: Path, line: int, name: str, cell: str, options: ReadingOptions) -> float:
    """The number in a cell, NaN for one of the option `missing`."""
    if cell in options.missing:
        return math.nan
    key = options.columns[name]
    if key != "values" and cell.casefold() in FLAGS:
        return FLAGS[cell.casefold()]
    value = number_cells.parse(cell, options.decimal, options.thousands)
    if value is None:
        hint = number_cells.hint(cell, options.decimal, options.thousands)
        hint = hint or ("" if options.units_row else "; units_row: true passes over a row of units")
        raise UserError(
            "value-invalid",
            f"{name} is {cell!r}, not a finite number{hint}; fix it, or list it in `missing` if it "
            "means that there is no value",
            path=path, line=line, key=key, value=cell,
        )  # fmt: skip
    return value
