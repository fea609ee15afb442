"""Exponential smoothing of a single window: what a model can forecast that sees its history alone.

With the parameters fixed, the updates of `exponential_smoothing` are linear in the values y of a
window and in the states s = (level, trend, seasons) before it. The one-step errors within the
window are therefore e = A y + B s, and its forecast is C y + D s. A window does not say with which
step of the season it begins: of the m rotations r of train's seasons, with the states s_r, the one
is taken that with a correction d of the states has the smallest penalised errors,

    min over r and d of  |A y + B (s_r + d)|^2 + penalty * |d|^2.

A high penalty trusts train's seasons, a low one those of the window. For given r, d is linear in y.
So the forecast is one matrix product for the window and one row that the rotation selects, in numpy
and in a served graph. Values are relative to the window's mean, and its level has hardly any
penalty.

Reference: Hyndman, Koehler, Ord and Snyder, "Forecasting with Exponential Smoothing", 2008:
chapter 2.5, linear innovations state space models; 5.1, initial states by least squares.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.classical.exponential_smoothing import Smoothing
from pipelines.classical.ridge.moments import chunks

LEVEL_PENALTY = 1e-6  # relative to that of trend and seasons


@dataclass(frozen=True)
class WindowMaps:
    """The forecast of each column: values @ forecast + rotations[r], r = argmin of the losses.

    Args:
        forecast: (c, h, f).
        losses: (c, h, m), and `constants` (c, m): values @ losses + constants ranks rotations.
        rotations: (c, m, f).
    """

    forecast: np.ndarray
    losses: np.ndarray
    constants: np.ndarray
    rotations: np.ndarray

    @classmethod
    def of(
        cls, models: list[Smoothing], penalties: list[float], steps: int, horizon: int
    ) -> "WindowMaps":
        """Those of one model and one penalty a column; steps: h, of the history."""
        pairs = zip(models, penalties, strict=True)
        columns = [_column_maps(*pair, steps, horizon) for pair in pairs]
        return cls(*map(np.stack, zip(*columns, strict=True)))

    def __call__(self, history: np.ndarray) -> np.ndarray:
        """(n, h, c) -> (n, f, c)."""
        forecast = np.empty((len(history), self.forecast.shape[2], history.shape[2]))
        for rows in chunks(len(history)):
            window = np.asarray(history[rows], np.float64)
            level = window.mean(axis=1, keepdims=True)
            values = np.moveaxis(window - level, 2, 0)  # (c, n, h)
            rotation = (values @ self.losses + self.constants[:, None]).argmin(axis=2)  # (c, n)
            season = np.take_along_axis(self.rotations, rotation[..., None], axis=1)
            forecast[rows] = np.moveaxis(values @ self.forecast + season, 0, 2) + level
        return forecast


def _column_maps(model: Smoothing, penalty: float, steps: int, horizon: int) -> tuple:
    """The arrays of `WindowMaps` for one column."""
    season = len(model.seasons)
    errors, ahead = _unrolled(model, steps, horizon)
    (a, b), (c, d) = (np.split(maps, [steps], axis=1) for maps in (errors, ahead))
    weights = penalty * np.array([LEVEL_PENALTY, *[1.0] * (1 + season)])
    correction = -np.linalg.solve(b.T @ b + np.diag(weights), b.T)  # of the states, for errors
    rotated = np.stack(
        [np.array([0.0, model.trend, *np.roll(model.seasons, -r)]) for r in range(season)], axis=1
    )  # (2 + m, m)
    before = b @ rotated  # (h, m): errors of the rotations alone
    residual = before + b @ (correction @ before)
    return (
        (c + d @ correction @ a).T,
        2 * a.T @ residual,
        (before * residual).sum(axis=0),
        (d @ (rotated + correction @ before)).T,
    )


def _unrolled(model: Smoothing, steps: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """One-step errors (h, h + 2 + m) and forecasts (f, h + 2 + m), as maps of values and states."""
    season = len(model.seasons)
    identity = np.eye(steps + 2 + season)
    values, level, trend = identity[:steps], identity[steps], identity[steps + 1]
    seasons = identity[steps + 2 :].copy()
    errors = np.empty((steps, len(identity)))
    for step, value in enumerate(values):
        at = step % season
        errors[step] = value - level - model.phi * trend - seasons[at]
        level, trend, seasons[at] = model.updated(value, level, trend, seasons[at])
    cycle = seasons[(steps + np.arange(horizon)) % season]
    return errors, level + model.growth(horizon)[:, None] * trend + cycle
