"""Ridge regression from a window's past to its future, from sums over windows alone.

What is fitted, what validation says of it and what both parts together would give: all of it
follows from the same few matrices, made in one pass. So time and memory for choosing a penalty do
not grow with the number of windows. Shapes: n windows, h steps of history, f steps of the future,
c columns, g groups of columns with one map each.

References: Hoerl and Kennard 1970; Toner and Darlow, "An Analysis of Linear Time Series Forecasting
Models", ICML 2024, for how far it goes; Aitken 1936 for weighted least squares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PENALTIES = np.logspace(-3, 4, 15)
AGINGS = (0, 1, 2)
AT_ONCE = 2048  # windows in double precision at a time
CALM = 0.05  # of train's variance, added to a window's, so that the calmest do not decide alone


@dataclass(frozen=True)
class Moments:
    """Sums over the windows of a part, column by column, of deviations from a window's own mean.

    square: (c, 1 + h, 1 + h) of the past with itself, a one before it. product: (c, 1 + h, f) of
    the past with the future. energy: (c,) of the future with itself. count: values of each column.
    """

    square: np.ndarray
    product: np.ndarray
    energy: np.ndarray
    count: int

    @classmethod
    def of(
        cls, history: np.ndarray, future: np.ndarray, std: np.ndarray | None = None
    ) -> "Moments":
        """history (n, h, c), future (n, f, c); each may be a view of many times its size.

        With std (c,), that of train, windows are divided by their own spread, in units of it: a
        few restless weeks then do not outweigh months.
        """
        (_, steps, columns), horizon = history.shape, future.shape[1]
        square = np.zeros((columns, 1 + steps, 1 + steps))
        product = np.zeros((columns, 1 + steps, horizon))
        energy = np.zeros(columns)
        for rows in _pieces(len(history)):
            level, past = _seen(history[rows])
            wanted = np.moveaxis(future[rows] - level, 2, 0)
            if std is not None:
                weight = _weight(past, std)
                past, wanted = past * weight, wanted * weight
            square += past.transpose(0, 2, 1) @ past
            product += past.transpose(0, 2, 1) @ wanted
            energy += np.square(wanted).sum(axis=(1, 2))
        return cls(square, product, energy, len(future) * horizon)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.square + other.square, self.product + other.product,
            self.energy + other.energy, self.count + other.count,
        )  # fmt: skip

    def loss(self, machine: "Ridge") -> np.ndarray:
        """(c,) mean squared error of a machine's forecasts, which need not be made for that."""
        weights = np.broadcast_to(machine.weights, self.product.shape)
        explained = weights * (self.square @ weights - 2 * self.product)
        return (self.energy + explained.sum(axis=(1, 2))) / self.count


@dataclass(frozen=True)
class Ridge:
    """Linear map of the history's deviations from its own mean: (g, 1 + h, f) weights.

    Row 0 is a constant, not penalised: how far the future lay above the past on average. One column
    by itself has it, for a trend. Several have none: they drift, each another way, and what they
    did over the months of train is no forecast of the months of test.
    """

    weights: np.ndarray

    @classmethod
    def fit(
        cls, moments: Moments, penalty: float, std: np.ndarray | None = None, aging: int = 0
    ) -> "Ridge":
        """A map for each column, or one for all, whose columns are then divided by `std` (c,).

        The penalty is per squared length of the mean feature. With `aging` it grows with that power
        of a reading's age, the mean over the history staying as it is.
        """
        square, product = moments.square, moments.product
        if std is not None:
            scale = np.square(std)[:, None, None]
            square, product = (np.sum(x / scale, axis=0, keepdims=True) for x in (square, product))
        steps = square.shape[2] - 1
        size = np.trace(square[:, 1:, 1:], axis1=1, axis2=2) / steps
        age = np.arange(steps, 0, -1.0) ** aging
        free = np.diag([0.0, *(age / age.mean())])
        square = square + penalty * 1e-3 * size[:, None, None] * free
        first = 0 if len(moments.square) == 1 else 1
        weights = np.zeros_like(product)
        weights[:, first:] = np.linalg.solve(square[:, first:, first:], product[:, first:])
        return cls(weights)

    def __call__(self, history: np.ndarray) -> np.ndarray:
        """(n, h, c) -> (n, f, c)."""
        forecast = np.empty((len(history), self.weights.shape[2], history.shape[2]))
        for rows in _pieces(len(history)):
            level, past = _seen(history[rows])
            forecast[rows] = np.moveaxis(past @ self.weights, 0, 2) + level
        return forecast


class Sums(NamedTuple):
    """What is known of a part: its windows as they are, and divided by their spread."""

    plain: Moments
    even: Moments

    @classmethod
    def of(cls, history: np.ndarray, future: np.ndarray, std: np.ndarray) -> "Sums":
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

    def fit(self, sums: Sums, std: np.ndarray) -> Ridge:
        shared = std if self.shared else None
        return Ridge.fit(sums[self.even], self.penalty, shared, self.aging)

    def __str__(self) -> str:
        return (
            f"penalty {self.penalty:.3g}{' by age' if self.aging else ''}"
            f"{' squared' if self.aging == 2 else ''}"
            f"{', fitted to all columns' if self.shared else ''}"
            f"{', windows divided by their spread' if self.even else ''}"
        )


def choose(train: Sums, val: Sums, std: np.ndarray) -> list[Choice]:
    """For each column the choice of lowest squared error on val, when fitted on train."""
    several = len(std) > 1
    every = [
        Choice(even, shared, aging, penalty)
        for even in (False, True)
        for shared in ((True, False) if several else (False,))
        for aging in AGINGS
        for penalty in PENALTIES.tolist()
    ]
    losses = np.stack([val.plain.loss(choice.fit(train, std)) for choice in every])
    return [every[place] for place in losses.argmin(axis=0)]


def fit(sums: Sums, std: np.ndarray, choices: list[Choice]) -> Ridge:
    """A map for each column, each fitted as was chosen for it."""
    weights = np.empty_like(sums.plain.product)
    for choice in set(choices):
        own = [column for column, other in enumerate(choices) if other == choice]
        weights[own] = np.broadcast_to(choice.fit(sums, std).weights, weights.shape)[own]
    return Ridge(weights)


def described(choices: list[Choice], columns: list[str]) -> str:
    """What was chosen for which columns."""
    of = {each: [] for each in choices}
    for choice, column in zip(choices, columns, strict=True):
        of[choice].append(column)
    if len(of) == 1:
        return str(choices[0])
    return "; ".join(f"{', '.join(names)}: {choice}" for choice, names in of.items())


def _weight(past: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(c, n, 1) what windows are multiplied with, 1 for one as restless as train."""
    spread = np.square(past[:, :, 1:]).mean(axis=2, keepdims=True)
    variance = np.square(std)[:, None, None]
    return np.sqrt(variance / (spread + CALM * variance))


def _seen(history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean over each window (n, 1, c), ones and deviations from it (c, n, 1 + h))."""
    history = np.asarray(history, np.float64)
    level = history.mean(axis=1, keepdims=True)
    past = np.ones((history.shape[2], len(history), 1 + history.shape[1]))
    past[:, :, 1:] = np.moveaxis(history - level, 2, 0)
    return level, past


def _pieces(rows: int) -> Iterator[slice]:
    for start in range(0, rows, AT_ONCE):
        yield slice(start, start + AT_ONCE)
