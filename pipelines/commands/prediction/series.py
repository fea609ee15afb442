"""Requests from a time series: the windows of a file, and the times of their forecasts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.commands.prediction import series_rows
from pipelines.commands.prediction.rows import BadRow, Request
from pipelines.config.errors import UserError
from pipelines.datasets import timeseries_csv
from pipelines.preparation import time_grid, time_series
from pipelines.preparation.time_grid import Observations

TIME, ORIGIN = "time", "origin"  # columns of the output


class Windows:
    """The last window of a file, or one every so many steps up to it.

    A row is a step of a forecast. Its columns are `time`; with several windows `origin`, the time
    of the last value that the forecast has seen; and what was observed then. Known covariates are
    read from the file too, for the steps of the forecast in rows below the last observation.

    Args:
        path: a file as the recipe reads it.
        inputs: of the signature; one of kind series, and possibly one of kind covariates.
        reading: options and `task_metadata` of the data set.
        options: the former, validated.
        every: steps between windows; None: the last window alone.
        sheet: of a workbook.
    """

    def __init__(
        self, path: Path, inputs: Mapping[str, Mapping], reading: Mapping, options: Any,
        every: int | None, sheet: str | None = None,
    ):  # fmt: skip
        kinds = {str(tensor.get("kind")): name for name, tensor in inputs.items()}
        self.input, self.known_input = kinds["series"], kinds.get("covariates")
        self.length, width = inputs[self.input]["shape"][1:]
        metadata = reading["task_metadata"]
        self.columns, self.every = list(metadata["columns"]), every
        self.horizon = metadata["horizon_steps"]
        if len(self.columns) != width or len(inputs) != len(kinds):
            raise UserError(
                "input-unsupported", "needs inputs that a table of observations does not have",
                path=path, value=width,
            )  # fmt: skip
        options = _options(options, metadata)
        window = self.length + self.horizon
        with series_rows.as_read(path, options, sheet, every, window) as (file, options):
            data = timeseries_csv.read(file, options)
        self.grid, self.values = _filled(data, options)
        self.known = np.empty((0, 0))
        if data.covariates is not None:
            _, self.known = _filled(data.covariates, options)
        rows = len(self.values)
        if rows < self.length:
            raise UserError(
                "rows-missing",
                f"{rows} steps of {options.frequency}; the model needs a history of {self.length}: "
                "give a file that begins earlier",
                path=path, value=rows,
            )  # fmt: skip
        self.last = self._last(path, data, options)
        ahead = pd.date_range(self.grid[-1], periods=self.horizon + 1, freq=options.frequency)[1:]
        self.stamps = time_series.time_stamps(self.grid.append(ahead))
        self.names = [TIME, *([ORIGIN, *self.columns] if every else [])]
        zone = f", times in {_zone(options)}" if _zone(options) else ""
        self.description = (
            f"{rows} steps of {options.frequency}, {self.stamps[0]} to {self.stamps[rows - 1]}"
            f"{zone}; columns {', '.join(self.columns)}"
        )

    def _last(self, path: Path, data: Observations, options: timeseries_csv.Options) -> int:
        """The last step from which there can be a forecast.

        Raises:
            UserError: `covariates-missing`, there is none.
        """
        rows = len(self.values)
        if self.known_input is None:
            return rows
        last = min(rows, len(self.known) - self.horizon)
        if last < (rows if self.every is None else self.length):
            names = ", ".join(data.covariates.units) if data.covariates is not None else ""
            raise UserError(
                "covariates-missing",
                f"the forecast of {self.horizon} steps needs {names} for each of them, and the "
                f"file has {len(self.known) - rows} steps of {options.frequency} after the last "
                "value; "
                f"add rows with the times, {names}, and nothing in {', '.join(self.columns)}",
                path=path, key="known_covariates", value=len(self.known) - rows,
            )  # fmt: skip
        return last

    def requests(self) -> Iterator[Request | BadRow]:
        """The columns of a request hold a list each, a value for every step of the horizon."""
        rows = len(self.values)
        last = self.last
        first = last if self.every is None else self.length + (last - self.length) % self.every
        for end in range(first, last + 1, self.every or 1):
            begin = end - self.length
            inputs = {self.input: self.values[begin:end].astype(np.float32)}
            if self.known_input is not None:
                known = self.known[begin : end + self.horizon]
                inputs[self.known_input] = known.astype(np.float32)
            steps = range(end, end + self.horizon)
            columns: dict[str, list] = {TIME: [self.stamps[step] for step in steps]}
            if self.every:
                columns[ORIGIN] = [self.stamps[end - 1]] * self.horizon
                for place, name in enumerate(self.columns):
                    columns[name] = [
                        float(self.values[step, place]) if step < rows else None for step in steps
                    ]
            yield Request(f"forecast from {columns[TIME][0]}", inputs, columns, True)


def _options(options: Any, metadata: Mapping) -> timeseries_csv.Options:
    """The recipe's, for a whole file; of a recipe that reads no files, columns by their names."""
    if not isinstance(options, timeseries_csv.Options):
        options = timeseries_csv.Options(
            values=dict(zip(metadata["columns"], metadata["units"], strict=True)),
            frequency=metadata["frequency"],
            **{name: getattr(options, name) for name in time_series.Options.model_fields},
        )
    # `decimal` counts as given: which mark it is was settled when the model's data was read.
    return options.model_copy(update={"rows": None, "decimal": options.decimal})


def _filled(
    data: Observations, options: timeseries_csv.Options
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Times and values on the grid, gaps filled as in the model's data."""
    grid, values = time_grid.on_grid(data, options.frequency, refuse_gaps=options.gaps == "refuse")
    filled = time_grid.fill_gaps(
        data.source, values, {"file": (0, len(values))}, options.gaps, options.longest_gap_steps
    )
    return grid, filled


def _zone(options: timeseries_csv.Options) -> str:
    """The zone that times are written in, where the file's may be in another."""
    if options.time_zone is None:
        return ""
    step = pd.tseries.frequencies.to_offset(options.frequency)
    return "UTC" if isinstance(step, pd.offsets.Tick) else options.time_zone
