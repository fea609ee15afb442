"""Longer texts under headings."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from pipelines.figures import style

CHARACTERS = 100  # of a line
LINES = 7  # of a text; the rest is left out
FONT_POINTS = 9.0
CHARACTER_INCHES = 0.5 * FONT_POINTS / 72  # of DejaVu Sans, on average, and a little more
LINE_INCHES = 0.19


def draw(passages: Sequence[tuple[str, str]], path: Path) -> None:
    """Writes the PNG of (heading, text) pairs; the lines of a text are kept."""
    rows: list[tuple[str, bool]] = []
    for heading, text in passages:
        rows += [(heading, True), *((line, False) for line in _wrapped(text)), ("", False)]

    def paint(figure):
        axes = figure.add_subplot()
        axes.set(xlim=(0, CHARACTERS), ylim=(len(rows), 0))
        axes.set_axis_off()
        for y, (line, is_heading) in enumerate(rows):
            weight = "bold" if is_heading else "normal"
            axes.text(0, y + 0.5, line, fontsize=FONT_POINTS, weight=weight, va="center")

    size = (CHARACTERS * CHARACTER_INCHES, max(len(rows), 1) * LINE_INCHES)
    style.draw(path, size, paint)


def _wrapped(text: str) -> list[str]:
    lines = [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(style.cut(line, 10 * CHARACTERS), CHARACTERS) or [""]
    ]
    return lines[:LINES]
