"""Errors of forecasts under many row weightings at once, and how windows are resampled.

A row is one window: a forecast of all columns over the whole horizon. Every metric is computed from
row-weighted sums, so one implementation gives the point estimate and each bootstrap resample.
Shape suffixes: b weightings, n rows, f steps of the future, c columns, q quantiles.

- mae_<unit>, rmse_<unit>: physical units. Columns of several units have one of each, by name:
  mae_<column>_<unit>.
- mase: mean absolute error divided by that of the seasonal naive forecast in train (Hyndman and
  Koehler 2006, https://doi.org/10.1016/j.ijforecast.2006.03.001); below 1 is better than
  that. scaled_mae, scaled_mse: of columns divided by their standard deviation in train. All three
  are means over columns.
- with quantiles: scaled_pinball, the pinball loss of scaled columns (Koenker and Bassett 1978); and
  for the levels 0.05 and 0.95, for example, coverage_of_90_percent, the percentage of targets
  between them, and width_of_90_percent_<unit>, the mean width of that interval.
"""

import itertools
import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.evaluation.bootstrap import weighted_mean
from pipelines.spec import DataSpec
from pipelines.storage import arrays

MIN_BLOCKS = 4
MAX_SAVED_BYTES = 1 << 24  # of forecasts
ROW_SCORES = "row_scores"
MAX_NAME = 120  # characters of a unit or column in a metric's name; MLflow takes 250 in all
BOUNDS = ("_low", "_high", "_sd")  # that evaluate adds to a metric's name


@dataclass(frozen=True)
class Outputs:
    """Forecasts of the windows of a split.

    Args:
        forecast: (n, f, c).
        quantiles: (n, f, c, q) or None.
        selection: the settings that validation selected, for people; "" where there are none.
        row_scores: name -> (n,), what `row_values` returns, where it is known already. Forecasts
            may then be those of some rows only.
    """

    forecast: np.ndarray
    quantiles: np.ndarray | None = None
    selection: str = ""
    row_scores: dict[str, np.ndarray] | None = None

    def save(self, folder: Path) -> None:
        """Writes a thinned sample of the forecasts into a new folder, and any row scores in full.

        Windows overlap, so all forecasts together are the test split times the horizon: for ETTm1
        and 720 steps 435 MB of doubles for each baseline. Row scores are 1 MB, and all that metrics
        and their intervals are computed from.
        """
        forecasts = {"forecast": self.forecast}
        if self.quantiles is not None:
            forecasts["quantiles"] = self.quantiles
        fit = max(1, MAX_SAVED_BYTES // sum(values[0].nbytes for values in forecasts.values()))
        rows = np.arange(0, len(self.forecast), -(-len(self.forecast) // fit))
        thinned = {name: values[rows] for name, values in forecasts.items()}
        arrays.write(folder, thinned | {"row": rows})
        if self.row_scores is not None:
            arrays.write(folder / ROW_SCORES, self.row_scores)

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        columns = arrays.read(folder)
        row_scores = arrays.read(folder / ROW_SCORES) if (folder / ROW_SCORES).is_dir() else None
        return cls(columns["forecast"], columns.get("quantiles"), row_scores=row_scores)


def outputs_of(predicted: np.ndarray, spec: DataSpec) -> Outputs:
    """(n, f, c), or (n, f, c, q) whose median is the forecast."""
    if not spec.task_metadata["quantiles"]:
        return Outputs(predicted)
    return Outputs(predicted[..., spec.task_metadata["quantiles"].index(0.5)], predicted)


def score(outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict:
    """Every metric, (b,) each."""
    rows = outputs.row_scores or row_values(outputs, test, spec)
    means = {name: weighted_mean(values, weights) for name, values in rows.items()}
    roots = {f"r{name}": np.sqrt(means.pop(name)) for name in rows if name.startswith("mse_")}
    return means | roots


def row_values(outputs: Outputs, test: dict, spec: DataSpec) -> dict[str, np.ndarray]:
    """Each row's contribution to each metric, (n,); mse_<unit> for rmse_<unit>."""
    future, facts = np.asarray(test["future"], np.float64), spec.task_metadata
    if outputs.forecast.shape != future.shape:
        raise ValueError(f"score: forecasts {outputs.forecast.shape} of targets {future.shape}")
    if not np.isfinite(outputs.forecast).all():
        rows = int((~np.isfinite(outputs.forecast)).any(axis=(1, 2)).sum())
        raise UserError(
            "forecasts-not-finite",
            f"{rows:,} of {len(future):,} forecasts are not finite; the model has diverged: lower "
            "fit.learning_rate or set fit.clip_norm",
            value=rows,
        )
    error = outputs.forecast - future
    absolute, squared = np.abs(error).mean(axis=1), np.square(error).mean(axis=1)  # (n, c)
    std = np.array(facts["std"])
    rows = {
        "mase": (absolute / facts["mase_scale"]).mean(axis=1),
        "scaled_mae": (absolute / std).mean(axis=1),
        "scaled_mse": (squared / std**2).mean(axis=1),
    }
    for suffix, columns in units(spec).items():
        rows[f"mae_{suffix}"] = absolute[:, columns].mean(axis=1)
        rows[f"mse_{suffix}"] = squared[:, columns].mean(axis=1)
    if outputs.quantiles is not None:
        rows |= _interval_values(outputs.quantiles, future, spec)
    return rows


def _interval_values(quantiles, future, spec: DataSpec) -> dict[str, np.ndarray]:
    levels, std = np.array(spec.task_metadata["quantiles"]), np.array(spec.task_metadata["std"])
    loss = pinball(quantiles, future, levels).mean(axis=(1, 3)) / std  # (n, c)
    rows = {"scaled_pinball": loss.mean(axis=1)}
    for low, high, percent in intervals(levels):
        inside = (quantiles[..., low] <= future) & (future <= quantiles[..., high])
        rows[f"coverage_of_{percent:g}_percent"] = 100 * inside.mean(axis=(1, 2))
        width = (quantiles[..., high] - quantiles[..., low]).mean(axis=1, dtype=np.float64)
        for suffix, columns in units(spec).items():
            rows[f"width_of_{percent:g}_percent_{suffix}"] = width[:, columns].mean(axis=1)
    return rows


def pinball(quantiles: np.ndarray, future: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(n, f, c, q): a quantile costs `level` per unit too low, 1 - `level` per unit too high."""
    below = future[..., None] - quantiles
    return np.maximum(levels * below, (levels - 1) * below)


def intervals(levels: Sequence[float]) -> list[tuple[int, int, float]]:
    """(index of level q, index of 1 - q, percent between them) of each such pair, widest first."""
    pairs = []
    for low, level in enumerate(levels):
        for high, other in enumerate(levels):
            if low < high and abs(level + other - 1) < 1e-9:
                pairs.append((low, high, round(100 * (other - level), 6)))
    return pairs


def units(spec: DataSpec) -> dict[str, list[int]]:
    """Metric name suffix -> columns: one suffix where all share a unit, else one for a column."""
    columns, column_units = spec.task_metadata["columns"], spec.task_metadata["units"]
    if len(set(column_units)) == 1:
        return {_unused(_name(column_units[0]), ()): list(range(len(columns)))}
    suffixes: dict[str, list[int]] = {}
    for index, (column, unit) in enumerate(zip(columns, column_units, strict=True)):
        suffixes[_unused(_name(f"{column}_{unit}"), suffixes)] = [index]
    return suffixes


def weights(
    rows: int, resamples: int = 1000, *, seed: int | Sequence[int], spec: DataSpec
) -> np.ndarray:
    """Row weights, (1 + resamples, rows): all ones, then a circular block bootstrap.

    Windows overlap, so their errors are dependent, and resampling single windows would give
    intervals that are far too narrow. Blocks of neighbouring windows are drawn instead (Kuensch
    1989), from a circle, so that all rows are drawn equally often (Politis and Romano 1992). A
    block spans two horizons: forecasts that begin a horizon apart share no target (the lag at which
    Diebold and Mariano 1995 truncate autocorrelations), and twice that keeps most dependent pairs
    within a block. Test splits of fewer than 4 blocks get no interval (weights 0, NaN metrics).
    """
    counts = np.ones((1 + resamples, rows), np.uint8)
    block = block_rows(spec)
    if rows < MIN_BLOCKS * block:
        counts[1:] = 0
        return counts
    rng = np.random.default_rng(seed)
    for resample in counts[1:]:
        starts = rng.integers(rows, size=-(-rows // block))
        drawn = (starts[:, None] + np.arange(block)).ravel()[:rows] % rows
        resample[:] = np.bincount(drawn, minlength=rows)
    return counts


def block_rows(spec: DataSpec) -> int:
    return -(-2 * spec.task_metadata["horizon_steps"] // spec.task_metadata["stride"])


def _name(unit: str) -> str:
    """A unit as part of a metric name: "m/s" becomes m_s. Letters of every script stay."""
    words = re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", unit)).strip("_")
    return words[:MAX_NAME].rstrip("_") or "units"


def _unused(name: str, names: Container[str]) -> str:
    """The name, numbered from 2 if another column has it or if it reads as a bound of a metric."""
    if name not in names and not f"_{name}".endswith(BOUNDS):
        return name
    return next(f"{name}_{n}" for n in itertools.count(2) if f"{name}_{n}" not in names)
