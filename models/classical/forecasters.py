"""Forecasts without a network: naive ones, ridge regression and exponential smoothing.

- persistence, seasonal_naive, mean_profile, seasonal_growth: see
  `pipelines.classical.naive_forecasts`.
- ridge: see `pipelines.classical.ridge`; refitted to train and val together unless the data set has
  `refit: false`.
- window_smoothing: exponential smoothing that sees the history alone, see
  `pipelines.classical.window_smoothing`.

Of covariates that are known ahead, the last two have linear effects: see
`pipelines.classical.covariate_effects`. Which differences these are fitted to, and whether there
are any, is decided by the error of ridge on val.

Shapes: n windows, h steps of history, f steps of the future, c columns, k covariates, q quantiles.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical import covariate_effects, forecast_methods, naive_forecasts
from pipelines.classical.forecast_methods import Method, Naive, RidgeMaps, WindowSmoothing
from pipelines.classical.ridge import rolling_origin
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

Name = Literal[
    "best", "persistence", "seasonal_naive", "mean_profile", "seasonal_growth", "ridge",
    "window_smoothing",
]  # fmt: skip
FITTED = {"ridge": RidgeMaps, "window_smoothing": WindowSmoothing}
SETTINGS, OFFSETS, EFFECTS = "methods.json", "offsets", "effects"


def forecaster(spec: DataSpec, *, method: Name = "best") -> "Forecaster":
    """One classical method, or the best of all on val.

    The best has the lowest mean absolute scaled error on val, the metric that forecasts are judged
    by. Quantiles are the forecast, shifted by the quantiles of its errors on val.

    Input: history (B, H, C), and known_covariates (B, H + F, K) of data with them. Output: (B, F,
    C), and (B, F, C, Q) with quantiles; physical units.

    Args:
        spec: of a forecasting data set.
        method: "best", or the method to fit alone.

    References: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition,
    2021, https://otexts.com/fpp3/; see the methods for theirs.
    """
    if method in forecast_methods.SEASONAL and spec.task_metadata["season_steps"] == 1:
        raise UserError(
            "method-undefined",
            f"{method} needs a season: set season_steps of the data set, or use persistence",
            key="build.method", value=method,
        )  # fmt: skip
    return Forecaster(spec, method)


@dataclass(frozen=True)
class Candidate:
    """A fitted method with the quantiles of its errors.

    Args:
        method: history -> forecast.
        offsets: (f, c, q), quantiles of val minus its forecasts; q is 0 for data without quantiles.
        selection: its settings and its error on val.
        effects: (k, c), of a unit of each covariate; the method forecasts the rest.
    """

    method: Method
    offsets: np.ndarray
    selection: Selection
    effects: np.ndarray
    decision: DecisionRule = field(default_factory=DecisionRule)

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        """(n, f, c) forecasts and (n, f, c, q) quantiles, as float32, in which they are served."""
        history, ahead = covariate_effects.apart(columns, self.effects)
        forecast = self.method(history) + ahead
        predicted = {"forecast": forecast.astype(np.float32)}
        if self.offsets.shape[2]:
            shifted = forecast[..., None] + self.offsets
            predicted["quantiles"] = shifted.astype(np.float32)
        return predicted


class Forecaster:
    """The estimator; after `fit` or `restore`, `components` has every candidate."""

    def __init__(self, spec: DataSpec, method: str):
        self.spec, self.method = spec, method
        self.components: dict[str, Candidate] = {}
        self.decision = DecisionRule()

    @property
    def best(self) -> Candidate:
        """The component that forecasts."""
        values = {name: c.selection.value for name, c in self.components.items()}
        return self.components[min(values, key=values.__getitem__)]

    @property
    def selection(self) -> Selection:
        values = {name: c.selection.value for name, c in self.components.items()}
        ranked = sorted(values, key=values.__getitem__)
        if len(ranked) == 1:
            return self.best.selection
        listed = ", ".join(f"{name} {values[name]:.3f}" for name in ranked)
        settings = self.best.selection.settings
        first = f"{ranked[0]} ({settings})" if settings else ranked[0]
        return Selection(f"{first}, of MASE on val: {listed}", "val/mase", values[ranked[0]], "min")

    @property
    def parameters(self) -> int:
        best = self.best
        stored = [*best.method.arrays().values(), best.offsets, best.effects]
        return sum(values.size for values in stored)

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is drawn at random."""
        names = self._names(train, val)
        none = covariate_effects.none(self.spec)
        effects, described = none, ""
        if len(none) and FITTED.keys() & set(names):
            effects, described = self._effects(train, val, none)
        for name in names:
            used, sentence = (effects, described) if name in FITTED else (none, "")
            rest, judged = (covariate_effects.removed(split, used) for split in (train, val))
            on_val, method, settings = self._fitted(name, rest, judged)
            missed = np.subtract(judged["future"], on_val, dtype=np.float64)
            settings = "; ".join(filter(None, (settings, sentence)))
            selection = Selection(settings, "val/mase", scaled_error(missed, self.spec), "min")
            offsets = error_quantiles(missed, self.spec.task_metadata["quantiles"])
            self.components[name] = Candidate(method, offsets, selection, used)

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        return self.best.predict(columns)

    def save(self, folder: Path) -> None:
        settings = {}
        for name, component in self.components.items():
            selection = component.selection
            settings[name] = {"settings": selection.settings, "value": selection.value}
            stored = component.method.arrays()
            stored |= {OFFSETS: component.offsets, EFFECTS: component.effects}
            arrays.write_each(folder / name, stored)
        (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")

    def restore(self, folder: Path) -> None:
        self.components = {}
        for name, values in json.loads((folder / SETTINGS).read_text("utf-8")).items():
            stored = arrays.read_each(folder / name)
            offsets, effects = (np.array(stored.pop(part)) for part in (OFFSETS, EFFECTS))
            method = FITTED.get(name, Naive).restored(name, stored, self.spec)
            selection = Selection(values["settings"], "val/mase", values["value"], "min")
            self.components[name] = Candidate(method, offsets, selection, effects)

    def _effects(self, train: Columns, val: Columns, none: np.ndarray) -> tuple[np.ndarray, str]:
        """(effects, in words) with which ridge has the lowest error on val."""
        lags = sorted({1, self.spec.task_metadata["season_steps"]})
        names = ", ".join(self.spec.task_metadata[covariate_effects.KNOWN])
        candidates = {f"effects of {names} by changes over {lag} steps": lag for lag in lags}
        fitted = {name: covariate_effects.fit(train, lag) for name, lag in candidates.items()}
        errors = {}
        for name, effects in (("", none), *fitted.items()):
            rest, judged = (covariate_effects.removed(split, effects) for split in (train, val))
            selected = rolling_origin.choose(dict(rest), dict(judged), self.spec)
            missed = judged["future"] - selected.fit()(judged["history"])
            errors[name] = scaled_error(missed, self.spec)
        best = min(errors, key=errors.__getitem__)
        return fitted.get(best, none), best

    def _names(self, train: Columns, val: Columns) -> list[str]:
        """The methods that are defined on this data.

        Raises:
            UserError: the one that was asked for is not.
        """
        season = self.spec.task_metadata["season_steps"]
        possible = [*(() if season == 1 else forecast_methods.SEASONAL), "ridge"]
        undefined = {}
        if reason := naive_forecasts.growth_undefined([train, val], self.spec):
            undefined["seasonal_growth"] = reason
        if reason := forecast_methods.smoothing_undefined(train, self.spec):
            undefined["window_smoothing"] = reason
        if self.method in undefined:
            raise UserError(
                "method-undefined",
                f"{self.method}: {undefined[self.method]}; use another method, or best",
                key="build.method", value=self.method,
            )  # fmt: skip
        if self.method != "best":
            return [self.method]
        for name in undefined:
            if name in possible or name == "window_smoothing":
                print(f"{name}: left out; {undefined[name]}")
        possible = ["persistence", *possible, "window_smoothing"]
        return [name for name in possible if name not in undefined]

    def _fitted(self, name: str, train: Columns, val: Columns) -> tuple[np.ndarray, Method, str]:
        """(forecasts of val, the final method, its settings)."""
        if name == "ridge":
            selected = rolling_origin.choose(dict(train), dict(val), self.spec)
            fitted = selected.fit()
            refit = self.spec.task_metadata["refit"]
            final = selected.fit(with_val=True) if refit else fitted
            return fitted(val["history"]), RidgeMaps.of(final), str(selected)
        if name == "window_smoothing":
            models = forecast_methods.smoothing_models(train, self.spec)
            smoothing = forecast_methods.fit_window_smoothing(models, val, self.spec)
            return smoothing(val["history"]), smoothing, str(smoothing)
        naive = Naive.restored(name, {}, self.spec)
        return naive(val["history"]), naive, ""


def scaled_error(missed: np.ndarray, spec: DataSpec) -> float:
    """The mean absolute scaled error (MASE) of errors (n, f, c), mean over columns."""
    return float((np.abs(missed).mean(axis=1) / spec.task_metadata["mase_scale"]).mean())


def error_quantiles(missed: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """(f, c, q) quantiles of errors (n, f, c), by which forecasts are shifted."""
    if not levels:
        return np.empty((*missed.shape[1:], 0))
    return np.moveaxis(np.quantile(missed, levels, axis=0), 0, -1)
