"""From observations to windows: what every time-series recipe does with what it has read.

The observations are put on a regular grid, gaps are refused or filled, the series is split into
train, val and test by time, and each split is cut into windows. All targets of a window lie in its
split; the history of a val or test window may reach back into the split before, as it would in
use: those values are known by then. Of the future, a model sees the known covariates alone.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, field_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import series_statistics, splits, time_grid
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report import series as series_report
from pipelines.preparation.series_statistics import KNOWN
from pipelines.preparation.splits import ChronologicalSplit
from pipelines.preparation.time_grid import Observations
from pipelines.preprocessing import windows
from pipelines.storage import arrays


def _increasing_levels(levels: list[float]) -> list[float]:
    inside = all(0 < level < 1 for level in levels)
    if levels and not (inside and sorted(set(levels)) == levels and 0.5 in levels):
        raise ValueError("quantiles must rise, lie between 0 and 1 and have 0.5 among them")
    return levels


class Options(BaseModel):
    """How a series is cut into windows and splits.

    Args:
        history_steps: how far back a model sees.
        horizon_steps: how many steps it forecasts.
        season_steps: period of the series, 1 for no season.
        stride: steps from one window to the next.
        quantiles: levels to forecast, none for point forecasts.
        split: how many steps at the end are test, and how many before them val.
        gaps: refuse; interpolate (linearly); forward_fill (the last value).
        longest_gap_steps: longer gaps are refused.
        refit: whether ridge, once its hyperparameters are chosen on val, is fitted again to train
            and val before it forecasts test; published protocols mostly fit to train only.
    """

    model_config = STRICT
    history_steps: Count
    horizon_steps: Count
    season_steps: Count = 1
    stride: Count = 1
    quantiles: Annotated[list[float], AfterValidator(_increasing_levels)] = []
    split: ChronologicalSplit = ChronologicalSplit()
    gaps: Literal["refuse", "interpolate", "forward_fill"] = "refuse"
    longest_gap_steps: Count = 8
    refit: bool = True

    @field_validator("season_steps")
    @classmethod
    def _season_fits_into_history(cls, season, info):
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


def prepare(data: Observations, frequency: str, options: Options, out: Path) -> spec.DataSpec:
    """Writes repeat0 and returns its spec."""
    times, values = time_grid.on_grid(data, frequency, refuse_gaps=options.gaps == "refuse")
    ranges = splits.chronological(len(values), options.split.val, options.split.test)
    values = time_grid.fill_gaps(
        data.source, values, ranges, options.gaps, options.longest_gap_steps
    )
    train = slice(*ranges["train"])
    facts = series_statistics.of_values(data, values[train], options.season_steps)
    known = known_values(data, frequency, ranges, options)
    if data.covariates is not None:
        facts |= series_statistics.of_covariates(data.covariates, known[train])
    (out / "repeat0/assets").mkdir(parents=True)
    for split, (begin, end) in ranges.items():
        starts = windows.origins(
            (begin, end), options.history_steps, options.horizon_steps, options.stride
        )
        if not len(starts):
            raise UserError(
                "split-too-short",
                f"no window fits into the {split} split ({end - begin} of {len(values)} rows) with "
                f"history_steps {options.history_steps} and horizon_steps "
                f"{options.horizon_steps}; shorten those, enlarge the split or add rows",
                path=data.source, key=f"split.{split}", value=end - begin,
            )  # fmt: skip
        past, future = windows.make_windows(
            values.astype(np.float32), starts, options.history_steps, options.horizon_steps
        )
        columns = {"history": past, "future": future, "origin": starts}
        if data.covariates is not None:
            columns[KNOWN] = windows.cut(
                known.astype(np.float32), starts, options.history_steps, options.horizon_steps
            )
        first = step_numbers(starts) if data.is_counted else time_stamps(times[starts])
        arrays.write(out / "repeat0" / split, columns | {"first": first})
    write_report(out, data, frequency)
    return describe(data, frequency, facts, options)


def known_values(
    data: Observations, frequency: str, ranges: dict[str, tuple[int, int]], options: Options
) -> np.ndarray:
    """(rows, k) covariates on the grid of the observations; k is 0 without any."""
    rows = ranges["test"][1]
    if data.covariates is None:
        return np.empty((rows, 0))
    _, known = time_grid.on_grid(data.covariates, frequency, refuse_gaps=options.gaps == "refuse")
    return time_grid.fill_gaps(
        data.source, known[:rows], ranges, options.gaps, options.longest_gap_steps
    )


def write_report(out: Path, data: Observations, frequency: str) -> None:
    """The data report on the observations, before gaps are filled."""
    if data.places is None:
        places = time_stamps(data.times)
    else:
        names = (place.path.relative_to(data.source) for place in data.places)
        lines = (f"line {place.line}" for place in data.places)
        places = [
            line if name == Path() else f"{name}, {line}"
            for name, line in zip(names, lines, strict=True)
        ]
    report = series_report.report(data.times, data.values, list(data.units), places, frequency)
    findings.write(out, findings.accepted(report))


def describe(data: Observations, frequency: str, facts: dict, options: Options) -> spec.DataSpec:
    units = data.units
    unit = ", ".join(dict.fromkeys(units.values()))
    inputs = {"history": spec.Field((options.history_steps, len(units)), "float32", unit)}
    if data.covariates is not None:
        shape = (options.history_steps + options.horizon_steps, len(data.covariates.units))
        inputs[KNOWN] = spec.Field(shape, "float32", "as in the file")
    return spec.DataSpec(
        inputs=inputs,
        target=spec.Target(
            (options.horizon_steps, len(units)), "float32", unit, name="future"
        ),
        request_inputs=tuple(inputs),
        outputs=options.horizon_steps * len(units) * max(1, len(options.quantiles)),
        task_metadata={
            "columns": list(units), "units": list(units.values()), "frequency": frequency,
            "horizon_steps": options.horizon_steps, "season_steps": options.season_steps,
            "stride": options.stride, "quantiles": options.quantiles, "refit": options.refit,
            **facts,
        },
    )  # fmt: skip


def step_numbers(rows: Iterable[int]) -> list[str]:
    return [f"step {row + 1}" for row in rows]


def time_stamps(times: pd.DatetimeIndex) -> list[str]:
    """Dates where no time of day occurs, otherwise dates and times."""
    whole_days = (times == times.normalize()).all()
    return list(times.strftime("%Y-%m-%d" if whole_days else "%Y-%m-%dT%H:%M:%S"))
