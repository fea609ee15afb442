"""The n-grams with the largest weights in a linear classifier of texts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import style

SHOWN = 15  # n-grams of a class
MOST_CLASSES = 6  # of a figure; the table has all
SPACE_SIGN = "\u2423"  # an open box
LENGTH = 28  # of an n-gram in the figure, in characters


def strongest(
    ngrams: Sequence[str], weights: np.ndarray, labels: Sequence[str], folder: Path
) -> None:
    """Writes figures/ngrams.png and plots/ngrams.csv.

    Args:
        ngrams: V of them.
        weights: (V, 1), positive for the second of two classes, or (V, classes).
        labels: class names.
        folder: of a trial's figures.
    """
    by_class = np.hstack([-weights, weights]) if weights.shape[1] == 1 else weights
    top = {
        label: np.argsort(-by_class[:, number], kind="stable")[:SHOWN]
        for number, label in enumerate(labels)
    }
    rows = [
        (label, ngrams[place], float(by_class[place, number]))
        for number, (label, places) in enumerate(top.items())
        for place in places
    ]
    style.write_csv(folder / "plots/ngrams.csv", ("class", "ngram", "weight"), rows)
    drawn = list(labels)[:MOST_CLASSES]

    def paint(figure):
        for number, (axes, label) in enumerate(
            zip(np.ravel(figure.subplots(1, len(drawn))), drawn, strict=True)
        ):
            names = [visible(ngrams[place]) for place in top[label]]
            axes.barh(range(len(names)), by_class[top[label], number], color=style.BLUE)
            axes.set_yticks(range(len(names)), names)
            axes.invert_yaxis()
            axes.grid(False, axis="y")
            axes.set_title(style.cut(label, 24))
            axes.set_xlabel("weight")

    style.draw(folder / "figures/ngrams.png", (3.6 * len(drawn), 4.6), paint)


def visible(ngram: str) -> str:
    """With a sign for each space, so that those at an end are seen."""
    return style.cut(ngram.replace(" ", SPACE_SIGN), LENGTH)
