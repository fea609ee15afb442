"""Rows of observations: their order, rows with one time, columns that say nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines.config.errors import UserError
from pipelines.preparation.time_grid import Observations
from pipelines.preparation.validation import Place


class Observation(NamedTuple):
    """values: one per column, NaN where missing."""

    place: Place
    time: datetime
    values: list[float]


def refuse_disorder(
    observations: Sequence[Observation], tolerance: timedelta = timedelta(0)
) -> None:
    """Refuses a time that is earlier than the one before it, by more than the tolerance."""
    for previous, current in pairwise(observations):
        if current.time < previous.time - tolerance:
            cure = "sort the file by time"
            if current.place.path != previous.place.path:
                cure = "the files overlap; remove the rows that are in both"
            raise UserError(
                "time-order",
                f"{current.time} comes after {previous.time} ({previous.place}); {cure}",
                path=current.place.path, line=current.place.line, value=str(current.time),
            )  # fmt: skip


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


def merge_duplicates(
    path: Path, observations: list[Observation], units: dict[str, str], method: str, *,
    is_counted: bool,
) -> Observations:  # fmt: skip
    """One row per time.

    Args:
        path: the source.
        observations: in the order of their times.
        units: by column name.
        method: what to do with two rows of one time: refuse | first | last | mean.
        is_counted: see `Observations`.
    """
    times = pd.DatetimeIndex([row.time for row in observations])
    values = np.array([row.values for row in observations], np.float64)  # (rows, columns)
    places = [row.place for row in observations]
    is_duplicate = times.duplicated()
    if is_duplicate.any():
        row = int(is_duplicate.argmax())
        if method == "refuse":
            raise UserError(
                "time-duplicate",
                f"{times[row]} is in {places[row - 1]} too, one of {is_duplicate.sum()} such "
                "rows; remove one, or set duplicates: first, last or mean, or, for local times "
                "when clocks go back, `time_zone`",
                path=places[row].path, line=places[row].line, key="duplicates",
                value=str(times[row]),
            )  # fmt: skip
        groups = pd.DataFrame(values, times).groupby(level=0, sort=True)
        values = getattr(groups, method)().to_numpy()
        times = times[~is_duplicate]
        places = [
            place for place, is_later in zip(places, is_duplicate, strict=True) if not is_later
        ]
    return Observations(path, times, values, dict(units), places, is_counted)


def with_covariates(data: Observations, known: Sequence[str]) -> Observations:
    """The last columns, those that are known ahead, as `covariates` of the others.

    Rows at the end in which only the known columns have values are of the future: they stay among
    the covariates alone.
    """
    if not known:
        return data
    count = len(data.units) - len(known)
    names = list(data.units)
    has_value = np.flatnonzero(~np.isnan(data.values[:, :count]).all(axis=1))
    rows = int(has_value[-1]) + 1 if len(has_value) else len(data.values)
    covariates = replace(
        data, values=data.values[:, count:], units={name: data.units[name] for name in known}
    )
    return replace(
        data, times=data.times[:rows], values=data.values[:rows, :count],
        units={name: data.units[name] for name in names[:count]},
        places=None if data.places is None else data.places[:rows], covariates=covariates,
    )  # fmt: skip
