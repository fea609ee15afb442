"""How far forecasts are off, under many row weightings at once, and how windows are resampled.

A row is one window: a forecast of all columns over the whole horizon. Every metric is computed from
row-weighted sums, so one implementation gives the point estimate and each bootstrap resample.
Shape suffixes: b weightings, n rows, f steps of the future, c columns, q quantiles.

- mae_<unit>, rmse_<unit>: physical units. Columns of several units have one of each, by name:
  mae_<column>_<unit>.
- mase: mean absolute error over that of "the same as one season ago" in train (Hyndman and Koehler
  2006); below 1 is better than that. scaled_mae, scaled_mse: of columns divided by their standard
  deviation in train. All three are means over columns.
- with quantiles: scaled_pinball, the pinball loss of scaled columns (Koenker and Bassett 1978); and
  for the levels 0.05 and 0.95, say, coverage_of_90_percent, how many percent of the targets lie
  between them, and width_of_90_percent_<unit>, how far apart they lie.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.config.errors import UserError
from pipelines.spec import DataSpec

FEWEST_BLOCKS = 4
KEPT_BYTES = 1 << 24  # of forecasts, on disk


@dataclass(frozen=True)
class Outputs:
    """forecast: (n, f, c). quantiles: (n, f, c, q) or None. chosen: what validation chose."""

    forecast: np.ndarray
    quantiles: np.ndarray | None = None
    chosen: str = ""

    def columns(self) -> dict[str, np.ndarray]:
        """What is kept of them on disk, and of which rows: as many evenly spaced ones as fit.

        Windows overlap, so all forecasts are the test part times the horizon: for ETTm1 and 720
        steps 218 MB, and as much again in DVC's cache and in MLflow's artifacts.
        """
        said = {"forecast": self.forecast}
        if self.quantiles is not None:
            said["quantiles"] = self.quantiles
        fit = max(1, KEPT_BYTES // sum(values[0].nbytes for values in said.values()))
        rows = np.arange(0, len(self.forecast), -(-len(self.forecast) // fit))
        return {name: values[rows] for name, values in said.items()} | {"row": rows}


def outputs_of(said: np.ndarray, spec: DataSpec, chosen: str = "") -> Outputs:
    """(n, f, c), or (n, f, c, q) whose median is the forecast."""
    if not spec.task_metadata["quantiles"]:
        return Outputs(said, None, chosen)
    return Outputs(said[..., spec.task_metadata["quantiles"].index(0.5)], said, chosen)


def score(outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray) -> dict:
    """Every metric, (b,) each."""
    future = np.asarray(test["future"], np.float64)
    if outputs.forecast.shape != future.shape:
        raise ValueError(f"score: forecasts {outputs.forecast.shape} of targets {future.shape}")
    if not np.isfinite(outputs.forecast).all():
        raise UserError("score: forecasts are not finite; the model has diverged")
    rows = row_values(outputs, future, spec)
    total = weights.sum(axis=1, dtype=np.float64)
    means = {name: _mean(weights, values, total) for name, values in rows.items()}
    roots = {f"r{name}": np.sqrt(means.pop(name)) for name in rows if name.startswith("mse_")}
    return means | roots


def row_values(outputs: Outputs, future: np.ndarray, spec: DataSpec) -> dict[str, np.ndarray]:
    """What each row adds to each metric, (n,); squared errors still squared, as mse_<unit>."""
    facts = spec.task_metadata
    error = outputs.forecast - future
    absolute, squared = np.abs(error).mean(axis=1), np.square(error).mean(axis=1)  # (n, c)
    std = np.array(facts["std"])
    rows = {
        "mase": (absolute / facts["mase_scale"]).mean(axis=1),
        "scaled_mae": (absolute / std).mean(axis=1),
        "scaled_mse": (squared / std**2).mean(axis=1),
    }
    for suffix, chosen in units(spec).items():
        rows[f"mae_{suffix}"] = absolute[:, chosen].mean(axis=1)
        rows[f"mse_{suffix}"] = squared[:, chosen].mean(axis=1)
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
        for suffix, chosen in units(spec).items():
            rows[f"width_of_{percent:g}_percent_{suffix}"] = width[:, chosen].mean(axis=1)
    return rows


def pinball(quantiles: np.ndarray, future: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(n, f, c, q): too low costs `level` a unit, too high costs 1 - `level`."""
    below = future[..., None] - quantiles
    return np.maximum(levels * below, (levels - 1) * below)


def intervals(levels: Sequence[float]) -> list[tuple[int, int, float]]:
    """(place of q, place of 1 - q, percent between them) of each such pair, widest first."""
    pairs = []
    for low, level in enumerate(levels):
        for high, other in enumerate(levels):
            if low < high and abs(level + other - 1) < 1e-9:
                pairs.append((low, high, round(100 * (other - level), 6)))
    return pairs


def units(spec: DataSpec) -> dict[str, list[int]]:
    """Metric name suffix -> columns: one unit for all, or each column with its own."""
    columns, own = spec.task_metadata["columns"], spec.task_metadata["units"]
    if len(set(own)) == 1:
        return {_name(own[0]): list(range(len(own)))}
    return {
        _name(f"{column}_{unit}"): [place]
        for place, (column, unit) in enumerate(zip(columns, own, strict=True))
    }


def weights(
    rows: int, resamples: int = 1000, *, seed: int | Sequence[int], spec: DataSpec
) -> np.ndarray:
    """Row weights, (1 + resamples, rows): all ones, then a circular block bootstrap.

    Windows overlap, so their errors depend on one another: resampling them singly would give
    intervals far too narrow. Blocks of neighbours are drawn instead (Kuensch 1989), from a circle
    so that each row is drawn as often as any other (Politis and Romano 1992). A block spans two
    horizons: errors of forecasts that begin a horizon apart share no target (which is why
    Diebold and Mariano 1995 cut autocorrelations there), and twice that keeps most dependent pairs
    within a block. Test parts of fewer than 4 blocks get no interval (weights 0, NaN metrics).
    """
    counts = np.ones((1 + resamples, rows), np.uint8)
    block = block_rows(spec)
    if rows < FEWEST_BLOCKS * block:
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


def _mean(weights_bn: np.ndarray, values_n: np.ndarray, total_b: np.ndarray) -> np.ndarray:
    # einsum, as BLAS rounds by shape and threads
    sums = np.einsum("bn,n->b", weights_bn.astype(np.float64), values_n.astype(np.float64))
    return np.divide(sums, total_b, out=np.full(len(sums), np.nan), where=total_b > 0)


def _name(unit: str) -> str:
    """What metric names may hold: "m/s" becomes m_s."""
    return re.sub(r"[^A-Za-z0-9]+", "_", unit).strip("_") or "units"
