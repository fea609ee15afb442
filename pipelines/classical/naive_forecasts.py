"""Naive forecasts: functions of the window alone, without parameters.

history: (n, h, c). All return (n, f, c), f being the horizon in steps; season is in steps too.
`tasks/forecasting/serve_classical.py` has the same functions in TensorFlow.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipelines.spec import DataSpec


def persistence(history: np.ndarray, horizon: int) -> np.ndarray:
    """The last value, repeated: a random walk's forecast."""
    rows, _, columns = history.shape
    return np.broadcast_to(history[:, -1:], (rows, horizon, columns))


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The values one season ago."""
    return history[:, -season:][:, np.arange(horizon) % season]


def seasonal_growth(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """One season ago, times the ratio of the last value to that of a season before it.

    Where one of the two is not above zero, the ratio is taken as 1.
    """
    last, before = (np.asarray(history[:, at], np.float64) for at in (-1, -1 - season))  # (n, c)
    growth = np.divide(last, before, out=np.ones_like(last), where=(last > 0) & (before > 0))
    return seasonal_naive(history, horizon, season) * growth[:, None]


def growth_undefined(splits: list[dict], spec: "DataSpec") -> str:
    """Why the growth over a season cannot be computed; "" where it can."""
    season, steps = spec.task_metadata["season_steps"], splits[0]["history"].shape[1]
    if spec.task_metadata["horizon_steps"] > season or steps <= season:
        return f"seasons of {season} steps must cover the horizon and be less than the history"
    if min(split["history"].min() for split in splits) <= 0:
        return "some values are not above zero"
    return ""


def mean_profile(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The mean of the same step of the season over all whole seasons of the history."""
    rows, steps, columns = history.shape
    seasons = history[:, steps - steps // season * season :].reshape(rows, -1, season, columns)
    return seasons.mean(axis=1, dtype=np.float64)[:, np.arange(horizon) % season]
