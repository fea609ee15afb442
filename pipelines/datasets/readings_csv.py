"""Readings of sensors from CSV or TSV files, in which anomalies are to be found.

One file is one stream; a folder or an archive with `files` has several. Beside the readings
a file may have a column of labels, or a list says when the events were; without either, events are
made and put into test (preparation/injected_events.py). Options are those of `Options`, of a table
(preparation/table_options.py) and of its readings (preparation/reading_table.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.config.written_texts import Label
from pipelines.preparation import (
    event_labels,
    event_streams,
    injected_events,
    observations,
    source_files,
    splits,
    time_grid,
    time_series,
    unpacked_folder,
)
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.event_streams import NORMAL, Scaling, Stream
from pipelines.preparation.reading_table import Frequency, ReadingOptions, read_file

CLOCK_CHANGE = timedelta(hours=1)  # by which local times go back once a year


class HeadSplit(BaseModel):
    """The first readings of every file are train, those after them val, the rest test.

    train, val: a fraction of the file's readings when below 1, otherwise a number of them.
    most: readings of both together at most, in the same proportions; null: no limit.
    """

    model_config = STRICT
    train: splits.Share = 0.6
    val: splits.Share = 0.15
    most: Annotated[int, Field(strict=True, ge=2)] | None = None


class Options(ReadingOptions):
    """Which readings a model sees, and which of them belong to events.

    Args:
        history_steps: readings that a model sees, the one that is judged among them.
        stride: readings from one row of train to the next.
        season_steps: readings of a season, 1 for none: 24 for hourly readings of days.
        frequency: pandas' name of the step; null: every row is a step, whatever its time.
        label: name of a column with 1 for readings of an event and 0 for others.
        events: the first and last time of each event, [["2024-05-31T18:00", "2024-05-31T19:30"]];
            numbers of readings with time: null; or the name of a JSON file in the source folder,
            {"file.csv": [[first, last], ...]}.
        gaps: refuse | forward_fill (the last value; a later one is not known when a reading is
            judged).
        longest_gap_steps: longer gaps are refused.
        scale: all: columns are compared in the units of the file; stream: each file's columns are
            in spreads from their median in its own train readings, for sensors that differ.
        split: which readings are train, val and test.
    """

    history_steps: Annotated[int, Field(strict=True, ge=4)]
    stride: Count = 1
    season_steps: Count = 1
    frequency: Frequency | None = None
    label: Label | None = None
    events: Annotated[str, Field(min_length=1)] | list[Annotated[list[str | int], Field(
        min_length=2, max_length=2)]] | None = None  # fmt: skip
    gaps: Literal["refuse", "forward_fill"] = "refuse"
    longest_gap_steps: Count = 8
    scale: Literal["all", "stream"] = "all"
    split: HeadSplit = HeadSplit()

    @model_validator(mode="after")
    def _events_fit(self):
        if self.label is not None and self.events is not None:
            raise ValueError("`label` and `events` both say when the events were; give one")
        if self.label is not None and self.label in self.values:
            raise ValueError("the column of `label` is no reading; remove it from `values`")
        if isinstance(self.events, list) and self.files is not None:
            raise ValueError("a list of `events` is of one file; name a JSON file for several")
        if self.season_steps >= self.history_steps:
            raise ValueError("a season must be shorter than history_steps; lengthen those")
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    with unpacked_folder.folder_of(raw) as folder:
        streams = read(folder, options)
    units, made = options.values, options.label is None and options.events is None
    parts: dict[str, list[Stream]] = {"train": [], "val": [], "test": []}
    for stream in streams:
        bounds = head_bounds(raw, len(stream.values), options.split)
        if options.scale == "stream":
            stream = in_spreads(stream, bounds["train"][1])
        for split, (begin, end) in bounds.items():
            parts[split].append(stream.part(begin, end, options.history_steps))
    if options.scale == "stream":
        units = dict.fromkeys(units, "spreads")
    if made:
        scaling = Scaling.of(np.concatenate([s.values for s in parts["train"]]))
        parts["test"] = injected_events.inject(parts["test"], scaling, seed)
        print(f"{raw}: no `label` and no `events`: made events are put into test, see the report")
    described = event_streams.write(
        out, parts, units, options.history_steps, stride=options.stride,
        season_steps=options.season_steps,
    )  # fmt: skip
    findings.write(out, [*report(streams, options), *split_report(parts, made, units)])
    facts = {**described.task_metadata, "made_events": made}
    return replace(described, task_metadata=facts)


def read(raw: Path, options: Options) -> list[Stream]:
    """The stream of each file, in the order of their names."""
    names = source_files.parts(raw, options.files)
    listed = None
    if isinstance(options.events, str):
        source_files.require_folder(raw, options.events)
        listed = event_labels.read_file(source_files.member(raw, options.events))
    return [read_stream(raw / name, name, options, listed) for name in names]


def read_stream(path: Path, name: str, options: Options, listed: dict | None) -> Stream:
    """One file; listed: the events of all files by their names, if a file has them."""
    extra = {} if options.label is None else {options.label: "label"}
    read_options = options.model_copy(update={"values": {**options.values, **extra}})
    rows = read_file(path, read_options)
    observations.refuse_disorder(rows, CLOCK_CHANGE if options.frequency is None else timedelta(0))
    sampled = rows[-options.sample_rows :] if options.sample_rows else rows
    if options.label is not None:
        event_labels.refuse_other(sampled, options.label)
    pairs = _pairs(path, name, options, listed)
    if options.frequency is None:
        times = pd.DatetimeIndex([row.time for row in sampled])
        values = np.array([row.values for row in sampled], np.float64)
    else:
        data = observations.merge_duplicates(
            path, sampled, read_options.values, options.duplicates, is_counted=options.is_counted
        )
        times, values = time_grid.on_grid(
            data, options.frequency, refuse_gaps=options.gaps == "refuse"
        )
    values = _filled(path, times, values, sampled, options)
    if options.label is not None:
        event = event_streams.numbered_runs(values[:, -1])
        values = values[:, :-1]
    else:
        event = event_labels.of_times(path, times.to_pydatetime(), pairs, options.is_counted)
    numbers = range(len(times))
    places = time_series.step_numbers(numbers) if options.is_counted else list(
        times.strftime("%Y-%m-%dT%H:%M:%S")
    )  # fmt: skip
    return Stream(name or path.name, values, event, places)


def _pairs(path: Path, name: str, options: Options, listed: dict | None) -> event_labels.Pairs:
    if listed is None:
        return options.events if isinstance(options.events, list) else []
    matching = [key for key in listed if name == key or name.endswith(f"/{key}")]
    if not matching:
        raise UserError(
            "events-missing", f"the file of `events` does not name it; write \"{name}\": [] for a "
            "file without events", path=path, key="events", value=name,
        )  # fmt: skip
    return listed[matching[0]]


def _filled(path: Path, times, values: np.ndarray, rows: Sequence, options: Options) -> np.ndarray:
    """Without gaps; the last value takes the place of a missing one."""
    missing = np.isnan(values).any(axis=1)
    if missing.any() and options.gaps == "refuse":
        row = int(missing.argmax())
        line = rows[row].place.line if len(rows) == len(values) else None
        raise UserError(
            "value-missing",
            f"no value at {times[row]}, one of {int(missing.sum())} such readings; add the values "
            "or set gaps: forward_fill",
            path=path, line=line, key="gaps", value=str(times[row]),
        )  # fmt: skip
    return time_grid.fill_gaps(
        path, values, {"all": (0, len(values))}, options.gaps, options.longest_gap_steps
    )


def head_bounds(source: Path, rows: int, split: HeadSplit) -> dict[str, tuple[int, int]]:
    """(first reading, reading after the last) of each split of a file."""
    train = splits.split_size(split.train, rows, "split.train")
    val = splits.split_size(split.val, rows, "split.val")
    if split.most is not None and train + val > split.most:
        train = max(1, round(split.most * train / (train + val)))
        val = max(1, split.most - train)
    if train + val >= rows:
        raise UserError(
            "split-size", f"train and val take {train} and {val} of {rows} readings, which leaves "
            "none for test; make them smaller", path=source, key="split", value=train + val,
        )  # fmt: skip
    return {"train": (0, train), "val": (train, train + val), "test": (train + val, rows)}


def in_spreads(stream: Stream, train: int) -> Stream:
    """The stream in spreads from the median of its first `train` readings."""
    scaling = Scaling.of(stream.values[:train])
    return replace(stream, values=(stream.values - scaling.centre) / scaling.scale)


def report(streams: Sequence[Stream], options: Options) -> list[Finding]:
    """Findings on the readings of the first file, and columns that are constant in any."""
    first = streams[0]
    times = pd.DatetimeIndex(range(len(first.values)))
    listed = findings.accepted(
        series_report.report(times, first.values, list(options.values), first.places)
    )
    for number, name in enumerate(options.values):
        constant = [s.name for s in streams if np.ptp(s.values[:, number]) == 0]
        if constant:
            message = f"{name} is constant in {len(constant)} files; any change counts as far away"
            listed.append(Finding(
                "column-constant", "warning", len(constant), message, findings.first(constant)
            ))  # fmt: skip
    return listed


def split_report(parts, made: bool, units) -> list[Finding]:
    listed = []
    for split, streams in parts.items():
        rows, events = sum(map(len, streams)), sum(map(event_streams.event_count, streams))
        share = np.mean(np.concatenate([s.event[s.first :] != NORMAL for s in streams]))
        kind = "made events" if made and split == "test" else "events"
        message = f"{split}: {rows} readings of {len(streams)} files, {events} {kind}, {share:.1%}"
        listed.append(Finding(f"events-{split}", "info", rows, message))
    if made:
        listed.append(Finding(
            "events-made", "warning", sum(map(len, parts["test"])),
            "no labels: the scores are of events that were made and put into test, not of real "
                "ones",
        ))  # fmt: skip
    return listed
