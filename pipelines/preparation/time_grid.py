"""Observations on a regular time grid, and what is done with its gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.config.errors import UserError
from pipelines.preparation.validation import Place

MAX_GRID_RATIO = 50  # grid rows per observation; beyond that, the frequency is a mistake


@dataclass(frozen=True)
class Observations:
    """times: ascending. values: (rows, columns) float64, NaN where missing. units: by column name.
    places: of each row, for errors; None where the source is not a file. is_counted: whether the
    times mean numbers of steps. covariates: columns that are known ahead, at the same times and
    possibly at later ones."""

    source: Path
    times: pd.DatetimeIndex
    values: np.ndarray
    units: dict[str, str]
    places: Sequence[Place] | None = None
    is_counted: bool = False
    covariates: "Observations | None" = None

    def place(self, row: int) -> Place:
        return Place(self.source) if self.places is None else self.places[row]


def on_grid(
    data: Observations, frequency: str, *, refuse_gaps: bool
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Evenly spaced times, and values (rows, columns) with NaN where there was no observation.

    Args:
        data: the observations.
        frequency: pandas' name of the step.
        refuse_gaps: whether a missing value is an error.
    """
    times = data.times
    step = pd.tseries.frequencies.to_offset(frequency)
    if isinstance(step, pd.offsets.Tick):
        rows = (times[-1] - times[0]) / pd.Timedelta(step)
        if rows > MAX_GRID_RATIO * len(times):
            raise UserError(
                "frequency-wrong",
                f"{len(times)} rows, but {frequency} from {times[0]} to {times[-1]} makes "
                f"{rows:.0f}; set `frequency` to that of the file",
                path=data.source, key="frequency", value=frequency,
            )  # fmt: skip
    grid = pd.date_range(times[0], times[-1], freq=step)
    off_grid = np.flatnonzero(~times.isin(grid))
    if len(off_grid):
        time, fitting = times[off_grid[0]], _fitting(times)
        cure = f"set frequency: {fitting}, which fits all times" if fitting else "fix the time"
        place = data.place(off_grid[0])
        raise UserError(
            "time-off-grid",
            f"{time} is none of the steps of {frequency} between {times[0]} and {times[-1]}, one "
            f"of {len(off_grid)} such times; {cure}",
            path=place.path, line=place.line, value=str(time),
        )  # fmt: skip
    values = np.full((len(grid), data.values.shape[1]), np.nan)
    values[grid.get_indexer(times)] = data.values
    missing = np.flatnonzero(np.isnan(values).any(axis=1))
    if len(missing) and refuse_gaps:
        time = grid[missing[0]]
        row = min(times.searchsorted(time), len(times) - 1)  # the row itself or the one after it
        place = data.place(row)
        raise UserError(
            "value-missing",
            f"no value for {time}, one of {len(missing)} gaps; add the values or set gaps: "
            "interpolate or forward_fill",
            path=place.path, line=place.line, key="gaps", value=str(time),
        )  # fmt: skip
    return grid, values


def _fitting(times: pd.DatetimeIndex) -> str | None:
    """The longest of the calendar's steps, begun on any day, that fits all times."""
    first = times[0]
    month, weekday = f"{first:%b}".upper(), f"{first:%a}".upper()
    for name in (*(f"{kind}-{month}" for kind in ("YS", "YE", "QS", "QE")), "MS", "ME"):
        if times.isin(pd.date_range(first, times[-1], freq=name)).all():
            return name
    for name in (f"W-{weekday}", "D"):
        grid = pd.date_range(first, times[-1], freq=name)
        if times.isin(grid).all() and len(grid) <= 2 * len(times):
            return name
    return None


def fill_gaps(
    source: Path, values: np.ndarray, ranges: dict[str, tuple[int, int]], method: str,
    longest_gap_steps: int,
) -> np.ndarray:  # fmt: skip
    """Fills gaps without using values of a later split: at the end of a split, forward.

    Args:
        source: for errors.
        values: (rows, columns), NaN where missing.
        ranges: split -> its first row and the row after its last.
        method: "interpolate" or "forward_fill".
        longest_gap_steps: longer gaps are an error.
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    table = pd.DataFrame(values)
    run = table.isna().apply(lambda c: c.groupby((~c).cumsum()).cumsum()).to_numpy().max()
    if run > longest_gap_steps:
        raise UserError(
            "gap-too-long",
            f"a gap of {run} steps; add the values, begin after it, or raise longest_gap_steps "
            f"(now {longest_gap_steps})",
            path=source, key="longest_gap_steps", value=int(run),
        )  # fmt: skip
    if method == "interpolate":
        tables = [table.iloc[slice(*bounds)] for bounds in ranges.values()]
        table = pd.concat([part.interpolate(limit_area="inside") for part in tables])
    filled = table.ffill().to_numpy()
    if np.isnan(filled).any():
        raise UserError(
            "value-missing",
            "a column begins with a gap; begin where all columns have values, with `rows`",
            path=source, key="gaps",
        )  # fmt: skip
    counts = {split: int(missing[slice(*bounds)].sum()) for split, bounds in ranges.items()}
    print(f"{source}: {missing.sum()} missing values filled ({method}): {counts}")
    return filled
