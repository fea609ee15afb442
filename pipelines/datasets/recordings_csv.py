"""Readings of sensors from CSV or TSV files, in which each row belongs to a labelled recording.

A file may have many recordings, whose rows follow each other: a column says which one a row is of,
another one its class, and another one the person or machine. Rows are steps of equal length. Beside
`Options`, the options are those of a table (preparation/table_options.py).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import Positive
from pipelines.config.written_texts import Label
from pipelines.preparation import (
    label_names,
    labelled_recordings,
    number_cells,
    source_files,
    unpacked_folder,
)
from pipelines.preparation.label_names import LabelNames
from pipelines.preparation.labelled_recordings import Recording, Seconds
from pipelines.preparation.recording_splits import RecordingSplit
from pipelines.preparation.table_options import TableOptions
from pipelines.preprocessing.signal_windows import Windows


class Options(TableOptions):
    """Which columns are read, and how recordings are cut and split.

    Args:
        values: column -> unit, one or many: {acceleration_x: m/s2, acceleration_y: m/s2}.
        recording: the column with the name or number of a row's recording; null: each file is one.
        label: the column with the class, the same in all rows of a recording.
        labels: class names for the cells of `label`: {1: walking}; several may have one.
        subject: the column with the person, machine or place, who are in one split; null: every
            recording is one.
        rate_hz: rows a second.
        files: a folder's files: names, or patterns such as "*.csv".
        decimal: the decimal mark.
        thousands: what separates groups of digits: "." "," " " or "'".
        window_seconds: of a window, which is what a model sees; a shorter recording is refused.
        hop_seconds: from one window to the next; default: half a window.
        split: how recordings become train, val and test; see `recording_splits.RecordingSplit`.
    """

    values: Annotated[dict[Label, Label], Field(min_length=1)]
    recording: Label | None = "recording"
    label: Label = "label"
    labels: LabelNames | None = None
    subject: Label | None = None
    rate_hz: Positive
    files: str | Annotated[list[str], Field(min_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    window_seconds: Seconds
    hop_seconds: Seconds | None = None
    split: RecordingSplit = RecordingSplit()

    @model_validator(mode="after")
    def _columns_differ(self):
        if self.decimal == self.thousands:
            raise ValueError("`thousands` and `decimal` are the same mark; name two")
        for name in ("recording", "label", "subject"):
            if getattr(self, name) in self.values:
                raise ValueError(f"the column of `{name}` is no reading; remove it from `values`")
        return self


class Row(NamedTuple):
    """A row of a file; recording, label and subject are its cells."""

    path: Path
    line: int
    recording: str
    label: str
    subject: str | None
    values: list[float]


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    windows = Windows.of_seconds(options.rate_hz, options.window_seconds, options.hop_seconds)
    with unpacked_folder.folder_of(raw) as folder:
        recordings = [
            recording
            for name in source_files.parts(folder, options.files)
            for recording in read(folder / name, name or raw.name, options, windows)
        ]
    return labelled_recordings.write(
        out, raw, recordings, options.values, windows, options.split, seed
    )


def read(path: Path, name: str, options: Options, windows: Windows) -> Iterator[Recording]:
    """The recordings of a file, in its order.

    Raises:
        UserError: rows of a recording that disagree or do not follow each other, a cell that is
            not a number, or a recording that is shorter than a window.
    """
    seen: dict[str, int] = {}
    run: list[Row] = []
    for row in rows(path, name, options):
        if run and row.recording != run[0].recording:
            yield _recording(run, name, options, windows)
            run = []
        if not run and row.recording in seen:
            raise UserError(
                "recording-divided", f"recording {row.recording!r} ended in line "
                f"{seen[row.recording]}; put its rows one after the other, or give its parts two "
                "names", path=path, line=row.line, key="recording", value=row.recording,
            )  # fmt: skip
        seen[row.recording] = row.line
        run.append(row)
    yield _recording(run, name, options, windows)


def rows(path: Path, name: str, options: Options) -> Iterator[Row]:
    """The rows of a file."""
    table = options.table(path)
    keys = {key: getattr(options, key) for key in ("recording", "label", "subject")}
    places = {key: table.column(column, key) for key, column in keys.items() if column is not None}
    columns = {column: table.column(column, "values") for column in options.values}
    if not {"decimal", "thousands"} & options.model_fields_set:
        for column, at in columns.items():
            cells = ((line, row[at].strip()) for line, row in table.rows if at < len(row))
            number_cells.refuse_ambiguous(path, column, cells, options.delimiter)
    for line, row in table.rows:
        table.check_width(line, row)
        cells = {key: row[at].strip() for key, at in places.items()}
        if empty := [key for key, cell in cells.items() if not cell]:
            raise UserError(
                "cell-empty", f"no {empty[0]}; fill it in, or remove the row", path=path,
                line=line, key=empty[0],
            )  # fmt: skip
        values = [_number(path, line, column, row[at].strip(), options)
                  for column, at in columns.items()]  # fmt: skip
        yield Row(path, line, cells.get("recording", name), cells["label"], cells.get("subject"),
                  values)  # fmt: skip


def _number(path: Path, line: int, column: str, cell: str, options: Options) -> float:
    value = number_cells.parse(cell, options.decimal, options.thousands)
    if value is None:
        hint = number_cells.hint(cell, options.decimal, options.thousands)
        raise UserError(
            "value-invalid", f"{column} is {cell!r}, not a finite number{hint}; correct it, or "
            "leave its recording out", path=path, line=line, key="values", value=cell,
        )  # fmt: skip
    return value


def _recording(run: Sequence[Row], name: str, options: Options, windows: Windows) -> Recording:
    first = run[0]
    for key in ("label", "subject"):
        if other := [row for row in run if getattr(row, key) != getattr(first, key)]:
            raise UserError(
                "recording-mixed", f"recording {first.recording!r} has {key} "
                f"{getattr(first, key)!r} and {getattr(other[0], key)!r}; give it one, or divide "
                "it", path=first.path, line=other[0].line, key=key,
                value=getattr(other[0], key),
            )  # fmt: skip
    if len(run) < windows.length:
        raise UserError(
            "recording-too-short", f"recording {first.recording!r} has {len(run)} rows and a "
            f"window {windows.length}; leave it out, or shorten window_seconds", path=first.path,
            line=first.line, key="window_seconds", value=len(run),
        )  # fmt: skip
    label = label_names.class_name(first.label, options.labels, first.path, first.line)
    known = first.recording if first.recording == name else f"{name}, {first.recording}"
    return Recording(known, np.array([row.values for row in run]), label, first.subject)
