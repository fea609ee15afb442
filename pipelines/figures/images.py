"""Figures that show rows of a data set of pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import style

COLUMNS, ROWS = 6, 4
EXAMPLES = 6


def mistakes(pictures, rows: Sequence[dict], folder: Path) -> None:
    """figures/mistakes.png: the surest mistakes, at most 24, as `mistakes.mistakes` found them."""
    shown = rows[: COLUMNS * ROWS]
    lines = max(1, -(-len(shown) // COLUMNS))

    def paint(figure):
        title = f"The {len(shown)} surest mistakes" if shown else "No mistakes"
        figure.suptitle(title, x=0.01, ha="left")
        for place, axes in enumerate(figure.subplots(lines, COLUMNS, squeeze=False).flat):
            axes.axis("off")
            if place < len(shown):
                row = shown[place]
                picture(axes, pictures[row["row"]])
                said = f"said {style.cut(row['predicted'], 14)}, {100 * row['confidence']:.0f} %"
                caption = f"{said}\nis {style.cut(row['actual'], 14)}"
                axes.set_title(caption, fontsize=8.5, fontweight="normal", loc="center", pad=4)

    style.draw(folder / "figures/mistakes.png", (1.35 * COLUMNS, 1.8 * lines + 0.5), paint)


def picture(axes, pixels: np.ndarray, **how) -> None:
    """(H, W, 1 or 3) uint8 as it is; small pictures keep their square pixels."""
    pixels = np.asarray(pixels)
    if pixels.shape[2] == 1:
        axes.imshow(pixels[..., 0], cmap="gray", vmin=0, vmax=255, **how)
    else:
        axes.imshow(pixels, **how)
    axes.axis("off")


def examples(targets: np.ndarray, predicted: np.ndarray, most: int = EXAMPLES) -> list[int]:
    """Rows to explain: the first of each of the first classes, then the first mistakes."""
    firsts = [int(np.flatnonzero(targets == label)[0]) for label in np.unique(targets)]
    wrong = np.flatnonzero(np.asarray(targets) != predicted).tolist()
    keep = max(1, most - min(2, len(wrong)))
    chosen = list(dict.fromkeys(firsts[:keep] + wrong[:2]))
    return chosen[:most]
