"""Figure of the gradient through depth, drawn by benchmarks/depth_gradients.py."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import style

COLOURS = (style.ORANGE, style.BLUE)


def draw(runs_of: Mapping[str, Sequence[np.ndarray]], path: Path) -> None:
    """Writes the PNG: a line of each network, as a share of what reaches the last block.

    Args:
        runs_of: kind of network -> (blocks + 1,) norms of the gradient, of each random start.
        path: of the file.
    """

    def paint(figure):
        axes = figure.add_subplot()
        for (name, runs), colour in zip(runs_of.items(), COLOURS, strict=True):
            for number, values in enumerate(runs):
                label = None if number else name
                axes.plot(values / values[-1], color=colour, lw=1.4, label=label)
        blocks = len(values) - 1
        axes.set(yscale="log", xticks=range(0, blocks + 1, 5), xlabel="block")
        axes.set_ylabel("norm of the gradient")
        style.plain_numbers(axes.yaxis)
        axes.set_title(f"Gradient through {blocks} convolutions, {len(runs)} random starts")
        axes.legend()

    style.draw(path, (6.4, 4.0), paint)
