"""Hyperparameters of ridge regression by rolling-origin validation over three windows of time.

A candidate is fitted to the first half of train and validated on the third quarter; fitted to three
quarters and validated on the last; fitted to train and validated on val. A few months of val alone
are too little data: the best hyperparameters there differ from column to column by chance.
"""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipelines.classical.ridge.moments import Moments
from pipelines.classical.ridge.path import RegularizationPath, Ridge

if TYPE_CHECKING:
    from pipelines.spec import DataSpec

PENALTIES = np.logspace(-3, 4, 15)
AGE_POWERS = (0, 1, 2)


class Sums(NamedTuple):
    """The moments of a stretch of time: of its windows as they are, and divided by their spread."""

    plain: Moments
    normalized: Moments

    @classmethod
    def of(cls, split: dict, rows: slice, std: np.ndarray) -> "Sums":
        history, future = split["history"][rows], split["future"][rows]
        return cls(Moments.of(history, future), Moments.of(history, future, std))

    def merged(self, other: "Sums") -> "Sums":
        """Those of both stretches together."""
        return Sums(self.plain + other.plain, self.normalized + other.normalized)


class Hyperparameters(NamedTuple):
    """How a column's linear map is fitted.

    Args:
        normalized: to windows divided by their spread.
        shared: to all columns, divided by their standard deviations, not to this one alone.
        age_power: the power of a step's age with which its penalty grows.
        penalty: of the squared weights.
    """

    normalized: bool
    shared: bool
    age_power: int
    penalty: float

    def path(self, sums: Sums, std: np.ndarray) -> RegularizationPath:
        """The solutions of every penalty."""
        moments = sums.normalized if self.normalized else sums.plain
        moments = moments.pooled(std) if self.shared else moments
        return RegularizationPath.of(moments, constant=len(std) == 1, age_power=self.age_power)

    def __str__(self) -> str:
        return (
            f"penalty {self.penalty:.3g}{' by age' if self.age_power else ''}"
            f"{' squared' if self.age_power == 2 else ''}"
            f"{', fitted to all columns' if self.shared else ''}"
            f"{', windows divided by their spread' if self.normalized else ''}"
        )


@dataclass(frozen=True)
class Selection:
    """The hyperparameters of each column, and the moments to fit to. str() lists them by column."""

    hyperparameters: list[Hyperparameters]
    columns: list[str]
    std: np.ndarray
    train: Sums
    val: Sums

    def fit(self, with_val: bool = False) -> Ridge:
        """Fitted to train, or to train and val."""
        sums = self.train.merged(self.val) if with_val else self.train
        weights = np.empty_like(sums.plain.cross)
        for setting in set(self.hyperparameters):
            columns = [i for i, other in enumerate(self.hyperparameters) if other == setting]
            solution = setting.path(sums, self.std).at(setting.penalty).weights
            weights[columns] = np.broadcast_to(solution, weights.shape)[columns]
        return Ridge(weights)

    def __str__(self) -> str:
        names = {setting: [] for setting in self.hyperparameters}
        for setting, column in zip(self.hyperparameters, self.columns, strict=True):
            names[setting].append(column)
        if len(names) == 1:
            return str(self.hyperparameters[0])
        return "; ".join(f"{', '.join(columns)}: {setting}" for setting, columns in names.items())


def choose(train: dict, val: dict, spec: "DataSpec", every: int = 1) -> Selection:
    """For each column the hyperparameters with the lowest mean relative squared error.

    Errors are divided by the lowest error of any candidate on the same stretch, then averaged over
    the stretches.

    Args:
        train: windows in the order of time: history, future and origin.
        val: likewise.
        spec: of the data set; columns, standard deviations and horizon are read.
        every: 3 takes every third window.
    """
    std = np.array(spec.task_metadata["std"])
    thinned = {name: train[name][::every] for name in ("history", "future", "origin")}
    judged = Sums.of(val, slice(None, None, every), std)
    folds, whole = _rolling_folds(thinned, spec.task_metadata["horizon_steps"], std)
    folds = [*folds, (whole, judged)]
    kinds = list(product((False, True), (True, False) if len(std) > 1 else (False,), AGE_POWERS))
    candidates = [
        Hyperparameters(*kind, penalty) for kind in kinds for penalty in PENALTIES.tolist()
    ]
    losses = np.stack([_losses(kinds, *fold, std) for fold in folds])  # (folds, candidates, c)
    relative = (losses / losses.min(axis=1, keepdims=True)).mean(axis=0)
    best = [candidates[index] for index in relative.argmin(axis=0)]
    return Selection(best, spec.task_metadata["columns"], std, whole, judged)


def _losses(kinds: list[tuple], fitted: Sums, judged: Sums, std: np.ndarray) -> np.ndarray:
    """(kinds * p, c)."""
    paths = (Hyperparameters(*kind, penalty=0.0).path(fitted, std) for kind in kinds)
    return np.concatenate([path.losses(judged.plain, PENALTIES) for path in paths])


def _rolling_folds(
    split: dict, horizon: int, std: np.ndarray
) -> tuple[list[tuple[Sums, Sums]], Sums]:
    """([(fitted to, validated on)], the whole split).

    Windows that begin before the last target of the fitted ones validate nothing. A split that is
    too short for such stretches has no folds.
    """
    origin = np.asarray(split["origin"])
    rows, edges = len(origin), [0]
    for end, until in ((rows // 2, rows * 3 // 4), (rows * 3 // 4, rows)):
        after = np.searchsorted(origin, origin[end - 1] + horizon)
        edges += [end, min(after, until)]
    first, gap, second, last_gap, last = (
        Sums.of(split, slice(*pair), std) for pair in zip(edges, [*edges[1:], rows], strict=True)
    )
    three_quarters = first.merged(gap).merged(second)
    folds = [(first, second), (three_quarters, last)]
    usable = [fold for fold in folds if all(sums.plain.count for sums in fold)]
    return usable, three_quarters.merged(last_gap).merged(last)
