"""Classical forecasts of a window: fitted by `fit`, called with a history, stored as arrays.

Each method maps a history (n, h, c) to a forecast (n, f, c), float64. `arrays()` is what it
consists of, and `restored` makes it again. Shapes: n windows, h steps of history, f steps of the
future, c columns, m steps of a season.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.classical import naive_forecasts
from pipelines.classical.exponential_smoothing import Smoothing
from pipelines.classical.progress import Countdown
from pipelines.classical.ridge.path import Ridge
from pipelines.classical.window_smoothing import WindowMaps
from pipelines.preprocessing import windows

if TYPE_CHECKING:
    from pipelines.spec import DataSpec

FITTED_ROWS = 3000  # smoothing forgets what came before; fitting takes seconds for so many
PENALTIES = (1e-2, 1.0, 1e2)  # see window_smoothing
SEASONAL: dict[str, Callable] = {
    "seasonal_naive": naive_forecasts.seasonal_naive,
    "mean_profile": naive_forecasts.mean_profile,
    "seasonal_growth": naive_forecasts.seasonal_growth,
}


@dataclass(frozen=True)
class Naive:
    """A function of the window without parameters; name: "persistence" or one of SEASONAL."""

    name: str
    horizon: int
    season: int

    @classmethod
    def restored(cls, name: str, arrays: Mapping, spec: "DataSpec") -> "Naive":
        facts = spec.task_metadata
        return cls(name, facts["horizon_steps"], facts["season_steps"])

    def __call__(self, history: np.ndarray) -> np.ndarray:
        if self.name == "persistence":
            return naive_forecasts.persistence(history, self.horizon)
        return SEASONAL[self.name](history, self.horizon, self.season)

    def arrays(self) -> dict[str, np.ndarray]:
        return {}


@dataclass(frozen=True)
class RidgeMaps:
    """`Ridge`, with each of the distinct maps once.

    Args:
        maps: (distinct, 1 + h, f).
        of_column: (c,), the map of each column.
    """

    maps: np.ndarray
    of_column: np.ndarray

    @classmethod
    def of(cls, ridge: Ridge) -> "RidgeMaps":
        numbers: dict[bytes, int] = {}
        of_column = [numbers.setdefault(w.tobytes(), len(numbers)) for w in ridge.weights]
        first = [of_column.index(number) for number in range(len(numbers))]
        return cls(ridge.weights[first], np.array(of_column))

    @classmethod
    def restored(cls, name: str, arrays: Mapping, spec: "DataSpec") -> "RidgeMaps":
        return cls(arrays["maps"], arrays["of_column"])

    def __call__(self, history: np.ndarray) -> np.ndarray:
        return Ridge(self.maps[self.of_column])(history)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"maps": self.maps, "of_column": self.of_column}


@dataclass(frozen=True)
class WindowSmoothing:
    """Exponential smoothing of the window alone; see `window_smoothing`.

    Args:
        maps: of the selected models.
        models: for each column damped -> model, whose states are those at the end of train.
        selected: for each column (damped, penalty).
    """

    maps: WindowMaps
    models: Sequence[Mapping[bool, Smoothing]]
    selected: Sequence[tuple[bool, float]]

    @classmethod
    def of(
        cls, models: Sequence[Mapping[bool, Smoothing]], selected: Sequence[tuple[bool, float]],
        steps: int, horizon: int,
    ) -> "WindowSmoothing":  # fmt: skip
        """steps: h, of the history."""
        fitted = [by_trend[damped] for by_trend, (damped, _) in zip(models, selected, strict=True)]
        penalties = [penalty for _, penalty in selected]
        return cls(WindowMaps.of(fitted, penalties, steps, horizon), models, selected)

    @classmethod
    def restored(cls, name: str, arrays: Mapping, spec: "DataSpec") -> "WindowSmoothing":
        models, selected = [], []
        pairs = np.array(arrays["numbers"]).reshape(-1, 2, 7)  # (c, damped and not, numbers)
        seasons = np.array(arrays["seasons"]).reshape(*pairs.shape[:2], -1)
        for numbers, cycles in zip(pairs.tolist(), seasons, strict=True):
            of_trend = [
                Smoothing(*row[1:], cycle) for row, cycle in zip(numbers, cycles, strict=True)
            ]
            models.append(dict(zip((True, False), of_trend, strict=True)))
            damped = numbers[0][0] > 0
            selected.append((damped, numbers[0 if damped else 1][0]))
        steps, horizon = spec.inputs["history"].shape[0], spec.task_metadata["horizon_steps"]
        return cls.of(models, selected, steps, horizon)

    def __call__(self, history: np.ndarray) -> np.ndarray:
        return self.maps(history)

    def arrays(self) -> dict[str, np.ndarray]:
        """Two rows a column, damped and not; a penalty of 0 where the other is selected.

        The maps follow from these, and are computed again.
        """
        rows = [
            (penalty * (damped == trend), m.alpha, m.beta, m.gamma, m.phi, m.level, m.trend)
            for by_trend, (damped, penalty) in zip(self.models, self.selected, strict=True)
            for trend, m in by_trend.items()
        ]
        seasons = [m.seasons for by_trend in self.models for m in by_trend.values()]
        return {"numbers": np.array(rows), "seasons": np.stack(seasons)}

    def __str__(self) -> str:
        settings = [
            f"{'damped' if damped else 'undamped'} trend, penalty {penalty:g}"
            for damped, penalty in self.selected
        ]
        return "; ".join(dict.fromkeys(settings))


Method = Naive | RidgeMaps | WindowSmoothing


def smoothing_models(train: Mapping, spec: "DataSpec") -> list[dict[bool, Smoothing]]:
    """For each column, damped -> the model fitted to the end of train, with the states there.

    To the last FITTED_ROWS of train, or three seasons, if those are longer.
    """
    season = spec.task_metadata["season_steps"]
    series, _ = windows.concat_windows((train["history"], train["future"], train["origin"]))
    series = np.asarray(series[-max(FITTED_ROWS, 3 * season) :], np.float64)
    countdown = Countdown("smoothing", series.shape[1], "columns")
    models = []
    for values in series.T:
        fitted = {damped: Smoothing.fit(values, season, damped) for damped in (True, False)}
        models.append({damped: model.after(values) for damped, model in fitted.items()})
        countdown.step()
    return models


def fit_window_smoothing(
    models: list[dict[bool, Smoothing]], val: Mapping, spec: "DataSpec"
) -> WindowSmoothing:
    """Trend and penalty of each column by its mean absolute error on val."""
    steps, horizon = val["history"].shape[1], spec.task_metadata["horizon_steps"]
    selected = []
    for column, by_trend in enumerate(models):
        history, future = (val[name][..., column : column + 1] for name in ("history", "future"))
        errors = {
            (damped, penalty): np.abs(
                WindowMaps.of([model], [penalty], steps, horizon)(history) - future
            ).mean()
            for damped, model in by_trend.items()
            for penalty in PENALTIES
        }
        selected.append(min(errors, key=errors.__getitem__))
    return WindowSmoothing.of(models, selected, steps, horizon)


def smoothing_undefined(train: Mapping, spec: "DataSpec") -> str:
    """Why exponential smoothing cannot be fitted; "" where it can."""
    season, steps = spec.task_metadata["season_steps"], train["history"].shape[1]
    rows = (
        int(train["origin"][-1] - train["origin"][0]) + steps + spec.task_metadata["horizon_steps"]
    )
    if season > 1 and rows < 2 * season:
        return f"train has {rows} rows, and its seasons need two of {season} steps"
    return ""
