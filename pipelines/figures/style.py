"""Style and writing of all figures and tables: the same input gives the same bytes.

The colours are those of Okabe and Ito, which can be told apart with all common colour blindness.
Figures are made without pyplot: no window system, no global list of figures, no matplotlibrc.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib import style
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from pipelines.figures import glyphs

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#6B6B6B"
SEQUENTIAL = "Blues"
DPI = 150
STYLE = {
    "font.family": glyphs.OWN_FONT,  # ships inside matplotlib, so the same on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelcolor": "#333333",
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.edgecolor": "none",  # a white ground keeps it readable over a grid
    "legend.framealpha": 0.9,
    "savefig.pad_inches": 0.15,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "text.parse_math": False,  # labels and texts are data: "$5 or $6" is not a formula
}


def plain_numbers(axis: Axis) -> None:
    """Of a logarithmic axis: powers of ten would be typeset, and labels are not."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def draw(path: Path, size_inches: tuple[float, float], paint: Callable[[Figure], None]) -> None:
    """Writes the PNG that `paint` draws on an empty figure, and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with style.context(["default", STYLE]):
        figure = Figure(figsize=size_inches, layout="constrained")
        FigureCanvasAgg(figure)
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # inches
        paint(figure)
        glyphs.complete(figure)
        # Matplotlib would write its own version into the file, and DVC hashes the file.
        figure.savefig(path, dpi=DPI, bbox_inches="tight", metadata={"Software": None})


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Writes a table: UTF-8, a newline after each row on every system, floats in full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def cut(text: str, length: int) -> str:
    """`text` on one line, at most `length` characters, cut between words where there are words."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if len(line) <= length:
        return line
    head = line[: length - 1]
    space = head.rfind(" ")
    # The last space may be far away, and some scripts have none.
    return (head[:space] if space > 0.7 * length else head).rstrip() + "…"
