"""Any CSV or TSV of observations in time: one time column, one or many value columns.

The options are those of `Options`, of a table (preparation/table_options.py), of its readings
(preparation/reading_table.py) and of a series (preparation/time_series.py).
"""

from dataclasses import replace
from pathlib import Path

from pydantic import model_validator

from pipelines import spec
from pipelines.config.written_texts import Label
from pipelines.preparation import observations, source_files, time_series
from pipelines.preparation.reading_table import Frequency, ReadingOptions, read_file
from pipelines.preparation.time_grid import Observations


class Options(time_series.Options, ReadingOptions):
    """A table of observations, as windows to forecast from. Its `frequency` is needed.

    Args:
        known_covariates: columns whose values are known ahead, for the steps of the forecast too:
            [holiday, promotion]; numbers, or true and false. A model reads them from the beginning
            of the history to the end of the horizon, and never forecasts them.
    """

    frequency: Frequency = "D"
    known_covariates: list[Label] = []

    @model_validator(mode="after")
    def _columns_differ(self):
        if twice := set(self.known_covariates) & {*self.values, *self.time_columns}:
            raise ValueError(f"{min(twice)!r} is named twice; a column is one of the three")
        return self

    @property
    def columns(self) -> dict[str, str]:
        return {**super().columns, **dict.fromkeys(self.known_covariates, "known_covariates")}

    @property
    def units(self) -> dict[str, str]:
        """Of all columns that are read; known covariates are last, and have none."""
        return {**self.values, **dict.fromkeys(self.known_covariates, "")}


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    data = read(raw, options)
    observations.refuse_constant(data)
    prepared = time_series.prepare(data, options.frequency, options, out)
    facts = {**prepared.task_metadata, "frequency": options.step_name}
    return replace(prepared, task_metadata=facts)


def read(path: Path, options: Options) -> Observations:
    """The observations of a file, or of several in a folder."""
    parts = [read_file(path / name, options) for name in source_files.parts(path, options.files)]
    parts.sort(key=lambda part: part[0].time)
    rows = [row for part in parts for row in part]
    observations.refuse_disorder(rows)
    if options.sample_rows is not None and options.sample_rows < len(rows):
        print(f"{path}: the last {options.sample_rows} of {len(rows)} rows (sample_rows)")
        rows = rows[-options.sample_rows :]
    data = observations.merge_duplicates(
        path, rows, options.units, options.duplicates, is_counted=options.is_counted
    )
    return observations.with_covariates(data, options.known_covariates)
