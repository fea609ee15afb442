"""Any CSV or TSV of observations in time: one time column, one or many value columns.

The options are those of a table (preparation/table_options.py), of its readings
(preparation/reading_table.py) and of a series (preparation/time_series.py).
"""

from dataclasses import replace
from pathlib import Path

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.preparation import observations, source_files, time_series
from pipelines.preparation.reading_table import Frequency, ReadingOptions, read_file
from pipelines.preparation.time_grid import Observations


class Options(time_series.Options, ReadingOptions):
    """A table of observations, as windows to forecast from. Its `frequency` is needed."""

    frequency: Frequency = "D"


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    data = read(raw, options)
    observations.refuse_constant(data)
    prepared = time_series.prepare(data, options.frequency, options, out)
    facts = {**prepared.task_metadata, "frequency": options.step_name}
    return replace(prepared, task_metadata=facts)


def read(path: Path, options: Options) -> Observations:
    """The observations of a file, or of several in a folder."""
    if path.is_dir() and options.files is None:
        raise UserError(
            "source-is-folder", 'is a folder; name its files: files: "*.csv"', path=path,
            key="files",
        )  # fmt: skip
    source_files.require_folder(path, options.files)
    names = [""] if options.files is None else source_files.members(path, options.files)
    parts = [read_file(path / name, options) for name in names]
    parts.sort(key=lambda part: part[0].time)
    rows = [row for part in parts for row in part]
    observations.refuse_disorder(rows)
    if options.sample_rows is not None and options.sample_rows < len(rows):
        print(f"{path}: the last {options.sample_rows} of {len(rows)} rows (sample_rows)")
        rows = rows[-options.sample_rows :]
    return observations.merge_duplicates(
        path, rows, options.values, options.duplicates, is_counted=options.is_counted
    )
