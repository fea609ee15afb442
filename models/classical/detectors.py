"""Classical detectors of anomalies, the one that is best on val, or the one that is asked for.

    difference           |x_t - x_(t-1)|, "one line" (Wu and Keogh 2021)
    windowed_gaussian    standard deviations from the mean of the readings before
    seasonal_median      distance from the median of the same times in the seasons before
    autoregression       residuals of a linear forecast from the readings before
    pca                  T2 and Q of the last readings

All scores are whitened squares that average about 1 for normal readings; a threshold is a quantile
of val's normal readings. See pipelines/classical/anomaly/.

Reference: "Current Time Series Anomaly Detection Benchmarks are Flawed",
https://doi.org/10.1109/TKDE.2021.3112126.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from models.classical import Columns, Selection
from pipelines.classical.anomaly import methods
from pipelines.classical.anomaly.precision_recall import average_precision, counts_by_level
from pipelines.classical.anomaly.residuals import threshold_of, usable
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

SETTINGS = "components.json"
AREA, MEAN_SCORE = "val/pr_auc", "val/mean_score"  # the latter where val has no events
WITHOUT_EVENTS = ("pca", "autoregression", "windowed_gaussian")  # the first one, if val has none
CHUNK = 4096  # windows judged at once

Name = Literal[
    "best", "difference", "windowed_gaussian", "seasonal_median", "autoregression", "pca"
]


def detector(
    spec: DataSpec, *, method: Name = "best", smooth_steps: int = 1, lags: int = 8,
    false_alarms_per_1000: float = 1.0, margin: float = 1.0,
) -> "Detector":  # fmt: skip
    """The detector with the highest area under the precision-recall curve on val.

    Args:
        spec: of a data set of anomaly detection.
        method: one of those above; best: all of them are fitted. Where val has no events nothing
            can be compared, and pca is taken.
        smooth_steps: a reading's score is the mean over so many last readings: less noise, later
            alarms.
        lags: readings that principal components are computed of.
        false_alarms_per_1000: normal readings of val above the threshold.
        margin: times that quantile, where val is so short that high quantiles are not known.

    Raises:
        UserError: more readings than a window has; a seasonal method without a season.
    """
    steps, season = spec.inputs["history"].shape[0], spec.task_metadata["season_steps"]
    for key, value in (("smooth_steps", smooth_steps), ("lags", lags)):
        if not 1 <= value <= steps - 2:
            raise UserError(
                "steps-out-of-range", f"must be 1 to {steps - 2}, two less than history_steps",
                key=f"build.{key}", value=value,
            )  # fmt: skip
    if method == "seasonal_median" and not 1 < season < steps - smooth_steps:
        raise UserError(
            "method-undefined", "seasonal_median needs the option season_steps of the data set, "
            "shorter than history_steps", key="build.method", value=method,
        )  # fmt: skip
    return Detector(spec, method, smooth_steps, lags, (false_alarms_per_1000, margin))


@dataclass(frozen=True)
class Component:
    """A fitted method.

    Args:
        name: in `methods.KINDS`.
        method: windows -> expected values and contributions.
        smooth_steps: scores that are averaged.
        threshold: the highest score that is no alarm.
        selection: its settings and its area on val.
    """

    name: str
    method: methods.Method
    smooth_steps: int
    threshold: float
    selection: Selection
    decision: DecisionRule = field(default_factory=DecisionRule)

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        """float32 score (n,), expected and contribution (n, C); anomaly (n,) bool."""
        contribution, expected = judged(self.method, columns["history"], self.smooth_steps)
        score = contribution.sum(axis=1).astype(np.float32)
        return {
            "score": score, "anomaly": ~(score <= np.float32(self.threshold)),
            "expected": expected.astype(np.float32),
            "contribution": contribution.astype(np.float32), "threshold": self.threshold,
        }  # fmt: skip


def judged(
    method: methods.Method, history: np.ndarray, smooth_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """(contribution (n, C), mean over the last readings; expected (n, C) of the last one)."""
    contributions, expectations = [], []
    for start in range(0, len(history), CHUNK):
        window = np.asarray(history[start : start + CHUNK], np.float64)
        length = window.shape[1] - smooth_steps + 1
        steps = [method.judge(window[:, step : step + length]) for step in range(smooth_steps)]
        contributions.append(np.mean([shares for _, shares in steps], axis=0))
        expectations.append(steps[-1][0])
    return np.concatenate(contributions), np.concatenate(expectations)


class Detector:
    """The estimator; after `fit` or `restore`, `components` has every candidate."""

    def __init__(
        self, spec: DataSpec, method: str, smooth_steps: int, lags: int, rule: tuple[float, float]
    ):
        self.spec, self.method, self.smooth_steps, self.lags = spec, method, smooth_steps, lags
        self.rule = rule
        self.components: dict[str, Component] = {}

    @property
    def best(self) -> Component:
        values = {name: part.selection.value for name, part in self.components.items()}
        if any(part.selection.metric == MEAN_SCORE for part in self.components.values()):
            return next(self.components[n] for n in (*WITHOUT_EVENTS, *values) if n in values)
        return self.components[max(values, key=values.__getitem__)]

    @property
    def selection(self) -> Selection:
        return self.best.selection

    @property
    def decision(self) -> DecisionRule:
        return DecisionRule(options={"threshold": self.best.threshold})

    @property
    def parameters(self) -> int:
        return sum(np.size(values) for values in self.best.method.arrays().values())

    def fit(self, train: Columns, val: Columns, seed: int) -> None:
        """seed: nothing is drawn at random."""
        facts = self.spec.task_metadata
        rows = usable(train["history"], _labels(train), facts["centre"], facts["scale"])
        history = np.asarray(train["history"][rows], np.float64)
        for name in self._names():
            method = methods.fit(
                name, history[:, self.smooth_steps - 1 :], season=facts["season_steps"],
                scale=np.array(facts["scale"]), lags=self.lags,
            )  # fmt: skip
            self.components[name] = self._component(name, method, val)

    def _component(self, name: str, method: methods.Method, val: Columns) -> Component:
        contribution, _ = judged(method, val["history"], self.smooth_steps)
        score, labels = contribution.sum(axis=1).astype(np.float32), _labels(val)
        metric, mode, value = MEAN_SCORE, "min", float(score.mean())
        if labels[:, -1].any():
            hits, alarms = counts_by_level(score, labels[:, -1])
            area = average_precision(hits, alarms, labels[:, -1].sum())
            metric, mode, value = AREA, "max", float(area)
        threshold = threshold_of(score[~labels.any(axis=1)], *self.rule)
        settings = (
            f"{name.replace('_', ' ')}, threshold {threshold:.3g}; {metric.removeprefix('val/')} "
            f"{value:.3f} on val"
        )
        selection = Selection(settings, metric, value, mode)
        return Component(name, method, self.smooth_steps, threshold, selection)

    def _names(self) -> list[str]:
        if self.method != "best":
            return [self.method]
        season, steps = (
            self.spec.task_metadata["season_steps"],
            self.spec.inputs["history"].shape[0],
        )
        return [n for n in methods.KINDS if n != "seasonal_median" or 1 < season < steps - 1]

    def predict(self, columns: Columns) -> dict[str, np.ndarray]:
        return self.best.predict(columns)

    def save(self, folder: Path) -> None:
        described = {}
        for name, part in self.components.items():
            described[name] = {**asdict(part.selection), "threshold": part.threshold}
            stored = {array: np.asarray(v) for array, v in part.method.arrays().items()}
            arrays.write_each(folder / name, stored)
        (folder / SETTINGS).write_text(json.dumps(described, indent=1) + "\n", "utf-8")

    def restore(self, folder: Path) -> None:
        season, columns = self.spec.task_metadata["season_steps"], self.spec.outputs
        self.components = {}
        for name, values in json.loads((folder / SETTINGS).read_text("utf-8")).items():
            parts = arrays.read_each(folder / name).items()
            stored = {array: np.array(values) for array, values in parts}
            method = methods.KINDS[name].restored(name, stored, season, columns)
            threshold = values.pop("threshold")
            self.components[name] = Component(
                name, method, self.smooth_steps, threshold, Selection(**values)
            )


def _labels(columns: Mapping) -> np.ndarray:
    """(n, T) bool, whether each reading of a window is one of an event."""
    return np.asarray(columns["steps"])[:, :, -1] > 0
