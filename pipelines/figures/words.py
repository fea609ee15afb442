"""Texts whose words are coloured by how much each speaks for the predicted class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

from pipelines.figures import style

CHARACTERS = 92  # of a line
LINES = 4  # of a text; the rest is left out
FONT_POINTS = 9.0
CHARACTER_INCHES = 0.602 * FONT_POINTS / 72  # advance of DejaVu Sans Mono
LINE_INCHES = 0.2


@dataclass(frozen=True)
class ColouredText:
    """words and their scores: above 0 for the predicted class, below 0 against it."""

    row: int
    title: str
    words: Sequence[str]
    scores: Sequence[float]


def attributions(texts: Sequence[ColouredText], folder: Path) -> None:
    """figures/words.png: the texts, blue for the class and orange against it; plots/words.csv."""
    lines: list[tuple[str, list]] = []
    for text in texts:
        lines += [(text.title, []), *(("", line) for line in _wrapped(text)), ("", [])]

    def paint(figure):
        axes = figure.add_subplot()
        axes.set(xlim=(0, CHARACTERS), ylim=(len(lines), 0))
        axes.set_axis_off()
        for y, (title, words) in enumerate(lines):
            if title:
                axes.text(0, y + 0.5, title, fontsize=FONT_POINTS, weight="bold", va="center")
            for x, word, strength in words:
                axes.add_patch(_box(x, y, len(word), strength))
                axes.text(x, y + 0.5, word, fontsize=FONT_POINTS, family="DejaVu Sans Mono",
                          va="center")  # fmt: skip

    size = (CHARACTERS * CHARACTER_INCHES, max(len(lines), 1) * LINE_INCHES)
    style.draw(folder / "figures/words.png", size, paint)
    rows = (
        (text.row, word, round(float(score), 5))
        for text in texts
        for word, score in zip(text.words, text.scores, strict=True)
    )
    style.write_csv(folder / "plots/words.csv", ("row", "word", "log_odds"), rows)


def _wrapped(text: ColouredText) -> list[list[tuple[int, str, float]]]:
    """Lines of (column, word, score from -1 to 1)."""
    largest = max(map(abs, text.scores), default=0.0) or 1.0
    lines: list[list] = [[]]
    column = 0
    for word, score in zip(text.words, text.scores, strict=True):
        shown = style.cut(word, CHARACTERS)
        if column + len(shown) > CHARACTERS:
            lines.append([])
            column = 0
        lines[-1].append((column, shown, score / largest))
        column += len(shown) + 1
    return lines[:LINES]


def _box(x: float, y: float, width: float, strength: float):
    colour = style.BLUE if strength > 0 else style.ORANGE
    alpha = float(np.clip(abs(strength), 0, 1)) * 0.6
    return Rectangle((x - 0.25, y + 0.08), width + 0.5, 0.84, color=colour, alpha=alpha, lw=0)
