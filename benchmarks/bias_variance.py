"""Underfitting, overfitting, bias and variance: `.venv/bin/python benchmarks/bias_variance.py`.

Polynomials are fitted by least squares to noisy values of a sine. For a fixed x, over many training
sets, the expected squared error on a new value is

    bias^2 + variance + noise,

how far the mean prediction is from the truth, how much predictions vary, and what no model can
avoid: the Bayes error (Geman, Bienenstock and Doursat 1992, "Neural networks and the bias/variance
dilemma", https://doi.org/10.1162/neco.1992.4.1.1). Writes docs/bias_variance.png and prints the
table of docs/bias_variance.md.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.polynomial import Polynomial

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.tasks.forecasting import polynomial_figure  # noqa: E402

DEGREES, SHOWN = range(10), {"underfitting": 1, "fair": 3, "overfitting": 9}
ROWS, NOISE, SETS = 15, 0.3, 500
SIZES = (12, 15, 20, 30, 50, 100, 200, 400)  # training rows of the learning curve
X = np.linspace(0, 1, 101)


def truth(x: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * x)


@dataclass(frozen=True)
class Fits:
    """Polynomials of one degree, fitted to training sets of their own.

    curves: (sets, len(X)) predictions. train_error: mean squared error on the training rows.
    """

    curves: np.ndarray
    train_error: float

    @property
    def bias(self) -> float:
        """Squared, its mean over X."""
        return float(np.mean((self.curves.mean(axis=0) - truth(X)) ** 2))

    @property
    def variance(self) -> float:
        return float(np.mean(self.curves.var(axis=0)))

    @property
    def error(self) -> float:
        """Expected squared error on new values."""
        return self.bias + self.variance + NOISE**2


def fit(degree: int, rows: int = ROWS, sets: int = SETS, seed: int = 1) -> Fits:
    """Fits `sets` training sets of `rows` values each; for one seed all degrees have the same."""
    rng = np.random.default_rng(seed)
    curves, errors = [], []
    for _ in range(sets):
        x = (np.arange(rows) + rng.uniform(size=rows)) / rows  # one in each of `rows` parts of 0..1
        y = truth(x) + rng.normal(0, NOISE, rows)
        polynomial = Polynomial.fit(x, y, degree, domain=[0, 1])
        curves.append(polynomial(X))
        errors.append(np.mean((polynomial(x) - y) ** 2))
    return Fits(np.array(curves), float(np.mean(errors)))


def main() -> None:
    by_degree = {degree: fit(degree) for degree in DEGREES}
    by_size = {rows: [fit(degree, rows) for degree in SHOWN.values()] for rows in SIZES}
    lesson = polynomial_figure.Lesson(X, truth(X), NOISE**2, SHOWN, ROWS, by_degree, by_size)
    polynomial_figure.draw(lesson, ROOT / "docs/bias_variance.png")
    print("| degree | | error on train | bias² | variance | noise | error on new values |")
    print("|---|---|---|---|---|---|---|")
    for name, degree in SHOWN.items():
        fits = by_degree[degree]
        numbers = (fits.train_error, fits.bias, fits.variance, NOISE**2, fits.error)
        print(f"| {degree} | {name} | " + " | ".join(f"{x:.3f}" for x in numbers) + " |")


if __name__ == "__main__":
    main()
