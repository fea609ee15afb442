"""Figure of bias and variance, of polynomials fitted to a noisy curve.

Drawn by benchmarks/bias_variance.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.figures import style

COLOURS = (style.ORANGE, style.GREEN, style.BLUE)
FITS = 10  # drawn of each degree


@dataclass(frozen=True)
class Lesson:
    """What is drawn; fits have curves, bias, variance, error and train_error.

    x, truth: (n,) the curve. noise: variance of the values around it. shown: name -> degree.
    rows: of a training set. by_degree: degree -> fits. by_rows: training rows -> the fits of
    each degree that is shown.
    """

    x: np.ndarray
    truth: np.ndarray
    noise: float
    shown: Mapping[str, int]
    rows: int
    by_degree: Mapping[int, Any]
    by_rows: Mapping[int, Sequence[Any]]


def draw(lesson: Lesson, path: Path) -> None:
    """Above: some fits of each degree that is shown; below: errors by degree and by rows."""

    def paint(figure):
        above, below = figure.subfigures(2, 1)
        panels = above.subplots(1, len(lesson.shown), sharey=True)
        for axes, (name, degree) in zip(panels, lesson.shown.items(), strict=True):
            curves = lesson.by_degree[degree].curves[:FITS]
            axes.plot(lesson.x, curves.T, color=style.BLUE, lw=0.7, alpha=0.6)
            axes.plot(lesson.x, lesson.truth, color=style.ORANGE, lw=2)
            axes.set(ylim=(-2, 2), xlabel="x")
            axes.set_title(f"Degree {degree}: {name}")
        left, right = below.subplots(1, 2)
        _by_degree(left, lesson)
        _by_rows(right, lesson)

    style.draw(path, (9.6, 6.6), paint)


def _by_degree(axes, lesson: Lesson) -> None:
    fits = lesson.by_degree.values()
    lines = {
        "bias²": ([x.bias for x in fits], style.ORANGE),
        "variance": ([x.variance for x in fits], style.BLUE),
        "error on new values": ([x.error for x in fits], "black"),
        "error on train": ([x.train_error for x in fits], style.GREEN),
    }
    for name, (values, colour) in lines.items():
        axes.plot(list(lesson.by_degree), values, color=colour, marker="o", ms=3, label=name)
    axes.axhline(lesson.noise, color=style.GREY, ls="--", label="noise: the Bayes error")
    axes.set(ylim=(0, 0.7), xlabel="degree of the polynomial", ylabel="mean squared error")
    axes.set_title(f"{lesson.rows} training rows")
    axes.legend(fontsize=8)


def _by_rows(axes, lesson: Lesson) -> None:
    rows = list(lesson.by_rows)
    for (name, degree), colour, fits in zip(
        lesson.shown.items(), COLOURS, zip(*lesson.by_rows.values(), strict=True), strict=True
    ):
        label = f"degree {degree}, {name}"
        axes.plot(rows, [x.error for x in fits], color=colour, label=label)
        axes.plot(rows, [x.train_error for x in fits], color=colour, ls=":")
    axes.axhline(lesson.noise, color=style.GREY, ls="--")
    axes.set(xscale="log", xticks=rows, ylim=(0, 0.7), xlabel="training rows")
    style.plain_numbers(axes.xaxis)
    axes.set_title("Learning curves (dotted: train)")
    axes.legend(fontsize=8)
