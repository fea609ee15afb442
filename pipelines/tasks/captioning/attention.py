"""Where a captioner looks for each token of a caption, as heat over the image."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from pipelines.figures import images, style
from pipelines.preparation.image_captions import IMAGE
from pipelines.preprocessing.sentencepiece import BEGIN, SPACE_MARK, until_end
from pipelines.tasks.captioning.decoder import ImageDecoder
from pipelines.tasks.captioning.metrics import Outputs

EXAMPLES, MOST_TOKENS = 4, 10


def shares(model, pixels: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """(T, h, w): the share of each cell of one image when each of its caption's tokens is chosen.

    Args:
        model: of models/captioning.py.
        pixels: (H, W, C) uint8.
        ids: T of them, without BEGIN.
    """
    read = np.array([[BEGIN, *ids[:-1]]], np.int32)
    weights = ImageDecoder(model).attention(keras.ops.convert_to_tensor(pixels[None]), read)
    last = [layer for layer in model.layers if layer.name.startswith("pool")][-1]
    return np.asarray(weights)[0].reshape(-1, *last.output.shape[1:3])


def draw(model, test: dict, outputs: Outputs, rows: Sequence[int], folder: Path) -> None:
    """figures/attention.png: the image of each row, and the heat of each token over it."""
    assert outputs.ids is not None and outputs.subwords is not None
    rows = list(rows)[:EXAMPLES]
    shown = [until_end(outputs.ids[row])[:MOST_TOKENS] for row in rows]
    columns = max(1, *map(len, shown))

    def paint(figure):
        figure.suptitle("Where the captioner looks for each token", x=0.01, ha="left")
        grid = figure.subplots(len(rows), columns + 1, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for line, (row, ids) in enumerate(zip(rows, shown, strict=True)):
            pixels = np.asarray(test[IMAGE][row])
            images.show(grid[line, 0], pixels)
            if not ids:
                continue
            heat = shares(model, pixels, ids)
            for place, piece in enumerate(outputs.subwords.pieces(ids)):
                _overlay(grid[line, place + 1], pixels, heat[place], piece)

    style.draw(folder / "figures/attention.png", (1.1 * (columns + 1), 1.35 * len(rows)), paint)


def _overlay(axes, pixels: np.ndarray, heat: np.ndarray, piece: str) -> None:
    height, width = pixels.shape[:2]
    images.show(axes, pixels, alpha=0.45)
    axes.imshow(
        heat, cmap="inferno", alpha=0.6, vmin=0, extent=(-0.5, width - 0.5, height - 0.5, -0.5)
    )
    text = style.cut(piece.replace(SPACE_MARK, " ").strip() or "_", 10)
    axes.set_title(text, fontsize=8, fontweight="normal", loc="center")
