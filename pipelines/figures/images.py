"""Figures with images of the test split."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import style

COLUMNS, ROWS = 6, 4
EXAMPLES = 6


def mistakes(images, rows: Sequence[dict], folder: Path) -> None:
    """figures/mistakes.png: at most 24 of the most confident errors, rows of `errors.mistakes`."""
    shown = rows[: COLUMNS * ROWS]
    lines = max(1, -(-len(shown) // COLUMNS))

    def paint(figure):
        title = f"The {len(shown)} most confident errors" if shown else "No errors"
        figure.suptitle(title, x=0.01, ha="left")
        for number, axes in enumerate(figure.subplots(lines, COLUMNS, squeeze=False).flat):
            axes.axis("off")
            if number < len(shown):
                row = shown[number]
                show(axes, images[row["row"]])
                predicted = f"{style.cut(row['predicted'], 14)}, {100 * row['confidence']:.0f} %"
                caption = f"{predicted}\nis {style.cut(row['actual'], 14)}"
                axes.set_title(caption, fontsize=8.5, fontweight="normal", loc="center", pad=4)

    style.draw(folder / "figures/mistakes.png", (1.35 * COLUMNS, 1.8 * lines + 0.5), paint)


def show(axes, pixels: np.ndarray, **options) -> None:
    """Draws (H, W, 1 or 3) uint8 pixels without smoothing. options: of `imshow`."""
    pixels = np.asarray(pixels)
    if pixels.shape[2] == 1:
        axes.imshow(pixels[..., 0], cmap="gray", vmin=0, vmax=255, **options)
    else:
        axes.imshow(pixels, **options)
    axes.axis("off")


def examples(targets: np.ndarray, predicted: np.ndarray, most: int = EXAMPLES) -> list[int]:
    """Rows to explain: the first of each of the first classes, then the first errors."""
    firsts = [int(np.flatnonzero(targets == label)[0]) for label in np.unique(targets)]
    wrong = np.flatnonzero(np.asarray(targets) != predicted).tolist()
    keep = max(1, most - min(2, len(wrong)))
    return list(dict.fromkeys(firsts[:keep] + wrong[:2]))[:most]
