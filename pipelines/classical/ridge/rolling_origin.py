"""How each column's map is fitted: as three stretches of the past, not one, have it best.

A choice is fitted to the first half of train and judged on the third quarter; fitted to three
quarters and judged on the last; fitted to train and judged on val. A few months of val alone are
few to choose by, and their luck differs from column to column.
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from pipelines.classical.ridge.moments import Moments
from pipelines.classical.ridge.path import Path, Ridge
from pipelines.spec import DataSpec

PENALTIES = np.logspace(-3, 4, 15)
AGINGS = (0, 1, 2)


class Sums(NamedTuple):
    """What is known of a stretch: its windows as they are, and divided by their spread."""

    plain: Moments
    even: Moments

    @classmethod
    def of(cls, part: dict, rows: slice, std: np.ndarray) -> "Sums":
        history, future = part["history"][rows], part["future"][rows]
        return cls(Moments.of(history, future), Moments.of(history, future, std))

    def with_those_of(self, other: "Sums") -> "Sums":
        return Sums(self.plain + other.plain, self.even + other.even)


class Choice(NamedTuple):
    """How a column's map is fitted.

    even: to windows divided by their spread. shared: to all columns, divided by their deviations,
    and not to this one alone. aging: the power of a reading's age with which its penalty grows.
    """

    even: bool
    shared: bool
    aging: int
    penalty: float

    def path(self, sums: Sums, std: np.ndarray) -> Path:
        """Of every penalty."""
        moments = sums[self.even].together(std) if self.shared else sums[self.even]
        return Path.of(moments, constant=len(std) == 1, aging=self.aging)

    def __str__(self) -> str:
        return (
            f"penalty {self.penalty:.3g}{' by age' if self.aging else ''}"
            f"{' squared' if self.aging == 2 else ''}"
            f"{', fitted to all columns' if self.shared else ''}"
            f"{', windows divided by their spread' if self.even else ''}"
        )


@dataclass(frozen=True)
class Chosen:
    """A choice for each column, and what it is fitted to. str() tells which columns got which."""

    choices: list[Choice]
    columns: list[str]
    std: np.ndarray
    train: Sums
    val: Sums

    def fit(self, with_val: bool = False) -> Ridge:
        """To train, or to train and val."""
        sums = self.train.with_those_of(self.val) if with_val else self.train
        weights = np.empty_like(sums.plain.product)
        for choice in set(self.choices):
            own = [column for column, other in enumerate(self.choices) if other == choice]
            fitted = choice.path(sums, self.std).at(choice.penalty).weights
            weights[own] = np.broadcast_to(fitted, weights.shape)[own]
        return Ridge(weights)

    def __str__(self) -> str:
        of = {each: [] for each in self.choices}
        for choice, column in zip(self.choices, self.columns, strict=True):
            of[choice].append(column)
        if len(of) == 1:
            return str(self.choices[0])
        return "; ".join(f"{', '.join(names)}: {choice}" for choice, names in of.items())


def choose(train: dict, val: dict, spec: DataSpec, every: int = 1) -> Chosen:
    """For each column the choice whose squared error, in units of the lowest that any choice has
    on the same stretch, is lowest in the mean over the stretches.

    every: 3 takes each third window. Windows of train are in the order of time.
    """
    std = np.array(spec.task_metadata["std"])
    part = {name: train[name][::every] for name in ("history", "future", "origin")}
    judged = Sums.of(val, slice(None, None, every), std)
    folds, whole = _rolled(part, spec.task_metadata["horizon_steps"], std)
    folds = [*folds, (whole, judged)]
    kinds = list(product((False, True), (True, False) if len(std) > 1 else (False,), AGINGS))
    every_choice = [Choice(*kind, penalty) for kind in kinds for penalty in PENALTIES.tolist()]
    losses = np.stack([_losses(kinds, *fold, std) for fold in folds])
    relative = (losses / losses.min(axis=1, keepdims=True)).mean(axis=0)
    choices = [every_choice[place] for place in relative.argmin(axis=0)]
    return Chosen(choices, spec.task_metadata["columns"], std, whole, judged)


def _losses(kinds: list[tuple], fitted: Sums, judged: Sums, std: np.ndarray) -> np.ndarray:
    """(kinds * p, c)."""
    paths = (Choice(*kind, penalty=0.0).path(fitted, std) for kind in kinds)
    return np.concatenate([path.losses(judged.plain, PENALTIES) for path in paths])


def _rolled(part: dict, horizon: int, std: np.ndarray) -> tuple[list[tuple[Sums, Sums]], Sums]:
    """([(what to fit to, what to judge by)], all of the part).

    Windows that begin before the last target of those fitted to judge nothing. A part too short
    for such stretches has none.
    """
    origin = np.asarray(part["origin"])
    rows, edges = len(origin), [0]
    for end, until in ((rows // 2, rows * 3 // 4), (rows * 3 // 4, rows)):
        after = np.searchsorted(origin, origin[end - 1] + horizon)
        edges += [end, min(after, until)]
    first, gap, second, last_gap, last = (
        Sums.of(part, slice(*pair), std) for pair in zip(edges, [*edges[1:], rows], strict=True)
    )
    most = first.with_those_of(gap).with_those_of(second)
    folds = [(first, second), (most, last)]
    kept = [fold for fold in folds if all(sums.plain.count for sums in fold)]
    return kept, most.with_those_of(last_gap).with_those_of(last)
