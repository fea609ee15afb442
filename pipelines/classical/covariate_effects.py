"""Linear effects of covariates that are known ahead: a dynamic regression.

A series y with covariates k is taken as y_t = k_t E + z_t, and z is what a method forecasts. The
effects E come from least squares of differences, y_t - y_(t-lag) on k_t - k_(t-lag): lag 1 takes
out the level of z, the lag of a season its season too, which could pass for an effect otherwise.

Reference: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, chapter
10, https://otexts.com/fpp3/dynamic.html. Shapes: n windows, h steps of history, f steps of the
future, c columns, k covariates.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pipelines.preprocessing import windows

if TYPE_CHECKING:
    from pipelines.spec import DataSpec

KNOWN = "known_covariates"  # (n, h + f, k), in a split that has them


def none(spec: "DataSpec") -> np.ndarray:
    """E (k, c) of zeros; k is 0 for data without covariates."""
    facts = spec.task_metadata
    return np.zeros((len(facts.get(KNOWN, ())), len(facts["columns"])))


def fit(train: Mapping, lag: int) -> np.ndarray:
    """E (k, c), of least norm for standardized covariates: 0 where differences do not show it."""
    series, known, _ = _unwound(train)
    changes, known_changes = series[lag:] - series[:-lag], known[lag:] - known[:-lag]
    scale = np.maximum(known_changes.std(axis=0), np.finfo(np.float32).tiny)
    centred = (known_changes - known_changes.mean(axis=0)) / scale
    effects, *_ = np.linalg.lstsq(centred, changes - changes.mean(axis=0), rcond=1e-6)
    return effects / scale[:, None]


def apart(columns: Mapping, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
    """(history (n, h, c) without the effects, the effects on the future (n, f, c))."""
    history = columns["history"]
    if not len(effects):
        return history, 0.0
    total = np.asarray(columns[KNOWN], np.float64) @ effects
    steps = history.shape[1]
    return history - total[:, :steps], total[:, steps:]


def removed(split: Mapping, effects: np.ndarray) -> Mapping:
    """The windows of a split, of the series without the effects: views, as those of the split."""
    if not effects.any():
        return split
    series, known, first = _unwound(split)
    steps, horizon = split["history"].shape[1], split["future"].shape[1]
    origins = np.asarray(split["origin"]) - first
    past, future = windows.make_windows(series - known @ effects, origins, steps, horizon)
    return {**split, "history": past.view(), "future": future.view()}


def _unwound(split: Mapping) -> tuple[np.ndarray, np.ndarray, int]:
    """(the series (rows, c), its covariates (rows, k), the number of the first row)."""
    origin, steps = split["origin"], split["history"].shape[1]
    series, first = windows.concat_windows((split["history"], split["future"], origin))
    known, _ = windows.concat_windows((split[KNOWN][:, :steps], split[KNOWN][:, steps:], origin))
    return np.asarray(series, np.float64), np.asarray(known, np.float64), first
