"""From readings in time to windows: what every recipe for time series does with what it has read.

The readings are put on a regular grid, gaps are refused or filled, the series is divided into
train, val and test by time, and each part is cut into windows. All targets of a window lie in its
own part; the history of a val or test window may reach back into the part before, as it would in
use: by then those values are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, field_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import splits
from pipelines.preparation.splits import Share
from pipelines.preprocessing import windows
from pipelines.storage import arrays

MOST_GRID_ROWS = 50  # for each row read; beyond that, the frequency is a mistake
SMALLEST_SPREAD = 1e-4  # of the mean; below that, 32-bit numbers lose the third digit of a change


def _levels(levels: list[float]) -> list[float]:
    inside = all(0 < level < 1 for level in levels)
    if levels and not (inside and sorted(set(levels)) == levels and 0.5 in levels):
        raise ValueError("quantiles must rise, lie between 0 and 1 and have 0.5 among them")
    return levels


class Split(BaseModel):
    """The last `test` rows, and the `val` rows before them: a fraction of all rows when below 1,
    otherwise a number of rows."""

    model_config = STRICT
    val: Share = 0.15
    test: Share = 0.2


class Options(BaseModel):
    """history_steps: how far back a model sees. horizon_steps: how many steps it forecasts.
    season_steps: after how many steps the series repeats itself, 1 for no season. stride: steps
    from one window to the next. quantiles: levels to forecast, none for point forecasts. gaps:
    refuse; interpolate (a straight line between the values beside the gap); hold (the last value).
    refit: whether ridge, once val has chosen, is fitted again to train and val together before it
    forecasts test. Published protocols mostly have train only.
    """

    model_config = STRICT
    history_steps: Count
    horizon_steps: Count
    season_steps: Count = 1
    stride: Count = 1
    quantiles: Annotated[list[float], AfterValidator(_levels)] = []
    split: Split = Split()
    gaps: Literal["refuse", "interpolate", "hold"] = "refuse"
    longest_gap_steps: Count = 8
    refit: bool = True

    @field_validator("season_steps")
    @classmethod
    def _season_is_seen(cls, season, info):
        if season > info.data.get("history_steps", season):
            raise ValueError("a season must fit into history_steps; lengthen those")
        return season

    @field_validator("stride")
    @classmethod
    def _every_value_is_a_target(cls, stride, info):
        if stride > min(info.data.get(name, stride) for name in ("history_steps", "horizon_steps")):
            raise ValueError(
                "a stride beyond history_steps or horizon_steps would leave values out"
            )
        return stride


@dataclass(frozen=True)
class Readings:
    """times: ascending. values: (rows, columns) float64, NaN where missing. units: by column name.
    places: where each row stands in its source, for messages ("line 7")."""

    source: Path
    times: pd.DatetimeIndex
    values: np.ndarray
    units: dict[str, str]
    places: Sequence[str]


def prepare(readings: Readings, frequency: str, options: Options, out: Path) -> spec.DataSpec:
    """Writes repeat0 and returns its spec."""
    times, values = on_grid(readings, frequency, options)
    parts = splits.chronological(len(values), options.split.val, options.split.test)
    values = fill(readings.source, values, parts, options)
    facts = statistics(readings, values[slice(*parts["train"])], options.season_steps)
    (out / "repeat0/assets").mkdir(parents=True)
    for name, part in parts.items():
        starts = windows.origins(part, options.history_steps, options.horizon_steps, options.stride)
        if not len(starts):
            raise UserError(
                f"{readings.source}: no window fits into the {name} part ({part[1] - part[0]} rows "
                f"of {len(values)}) with history_steps {options.history_steps} and horizon_steps "
                f"{options.horizon_steps}; shorten those, enlarge the part or bring more rows"
            )
        past, future = windows.cut(
            values.astype(np.float32), starts, options.history_steps, options.horizon_steps
        )
        columns = {"history": past, "future": future, "origin": starts}
        arrays.write(out / "repeat0" / name, columns | {"first": stamps(times[starts])})
    return describe(readings.units, frequency, facts, options)


def on_grid(
    readings: Readings, frequency: str, options: Options
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Times without a hole, and values with NaN where there was one."""
    source, times = readings.source, readings.times
    step = pd.tseries.frequencies.to_offset(frequency)
    if isinstance(step, pd.offsets.Tick):
        rows = (times[-1] - times[0]) / pd.Timedelta(step)
        if rows > MOST_GRID_ROWS * len(times):
            raise UserError(
                f"{source}: {len(times)} rows, where {frequency} from {times[0]} to {times[-1]} "
                f"makes {rows:.0f}; set `frequency` to that of the file"
            )
    grid = pd.date_range(times[0], times[-1], freq=step)
    strays = np.flatnonzero(~times.isin(grid))
    if len(strays):
        raise UserError(
            f"{source}, {readings.places[strays[0]]}: {times[strays[0]]} is not a multiple of "
            f"{frequency} from {times[0]}; mend the time or set `frequency`"
        )
    values = np.full((len(grid), readings.values.shape[1]), np.nan)
    values[grid.get_indexer(times)] = readings.values
    holes = np.flatnonzero(np.isnan(values).any(axis=1))
    if len(holes) and options.gaps == "refuse":
        after = readings.places[min(times.searchsorted(grid[holes[0]]), len(times) - 1)]
        raise UserError(
            f"{source}, {after}: no value for {grid[holes[0]]}, one of {len(holes)} gaps; bring "
            "the values or set gaps: interpolate or hold"
        )
    return grid, values


def fill(source: Path, values: np.ndarray, parts: dict, options: Options) -> np.ndarray:
    """Fills gaps without letting a part know of a later one: a gap at a part's end is held."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    table = pd.DataFrame(values)
    run = table.isna().apply(lambda c: c.groupby((~c).cumsum()).cumsum()).to_numpy().max()
    if run > options.longest_gap_steps:
        raise UserError(
            f"{source}: a gap of {run} steps; bring the values, begin after it, or raise "
            f"longest_gap_steps (now {options.longest_gap_steps})"
        )
    if options.gaps == "interpolate":
        own = [table.iloc[slice(*part)] for part in parts.values()]
        table = pd.concat([part.interpolate(limit_area="inside") for part in own])
    filled = table.ffill().to_numpy()
    if np.isnan(filled).any():
        raise UserError(
            f"{source}: a column begins with a gap; begin where all columns have values"
        )
    counts = {name: int(missing[slice(*part)].sum()) for name, part in parts.items()}
    print(f"{source}: {missing.sum()} missing values filled ({options.gaps}): {counts}")
    return filled


def statistics(readings: Readings, train: np.ndarray, season: int) -> dict[str, list[float]]:
    """Mean and standard deviation of each column, and the error that MASE divides by."""
    mean, std = train.mean(axis=0), train.std(axis=0)
    for name, values, centre, spread in zip(readings.units, train.T, mean, std, strict=True):
        if np.ptp(values) == 0:
            raise UserError(
                f"{readings.source}: column {name!r} never changes in the train part; remove it"
            )
        if spread < SMALLEST_SPREAD * abs(centre) or spread < 1e-6:
            raise UserError(
                f"{readings.source}: column {name!r} changes by {spread:g} around {centre:g}, too "
                "little for 32-bit numbers; subtract an offset or use a smaller unit"
            )
    return {"mean": mean.tolist(), "std": std.tolist(), "mase_scale": naive_error(train, season)}


def naive_error(train: np.ndarray, season: int) -> list[float]:
    """Mean absolute change over one season, by column (Hyndman and Koehler 2006); where that is
    nothing, or train is no longer than a season, the change over one step."""
    steps = np.abs(np.diff(train, axis=0)).mean(axis=0)
    if len(train) <= season:
        return steps.tolist()
    seasons = np.abs(train[season:] - train[:-season]).mean(axis=0)
    return np.where(seasons > 0, seasons, steps).tolist()


def describe(units: dict, frequency: str, facts: dict, options: Options) -> spec.DataSpec:
    shape = (options.history_steps, len(units))
    unit = ", ".join(dict.fromkeys(units.values()))
    return spec.DataSpec(
        inputs={"history": spec.Field(shape, "float32", unit)},
        target=spec.Target(
            (options.horizon_steps, len(units)), "float32", unit, name="future"
        ),
        request_inputs=("history",),
        outputs=options.horizon_steps * len(units) * max(1, len(options.quantiles)),
        task_metadata={
            "columns": list(units), "units": list(units.values()), "frequency": frequency,
            "horizon_steps": options.horizon_steps, "season_steps": options.season_steps,
            "stride": options.stride, "quantiles": options.quantiles, "refit": options.refit,
            **facts,
        },
    )  # fmt: skip


def stamps(times: pd.DatetimeIndex) -> list[str]:
    """Dates where no time of day occurs, otherwise dates and times."""
    whole_days = (times == times.normalize()).all()
    return list(times.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%dT%H:%M:%S"))
