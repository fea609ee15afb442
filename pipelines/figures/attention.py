"""Where a Vision Transformer looks, and what it has learned about places.

Both functions need the layer names of models/vit.py and write nothing for other models.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from pipelines.figures import images, style

MOST_PLACES = 8  # a side of the grid of places that are shown
HEAT = "inferno"


def rollout(
    model: keras.Model, pictures: np.ndarray, captions: Sequence[tuple[str, str]], folder: Path
) -> None:
    """figures/attention.png: how much each patch counts for the answer, by attention rollout.

    captions: (actual, predicted). Attention is averaged over heads, mixed half and half with the
    skip connection and multiplied through the blocks (Abnar and Zuidema, "Quantifying Attention
    Flow in Transformers", ACL 2020). It tells where information could come from, not why it counts.
    """
    if not _is_vit(model):
        return
    shares = attention_shares(model, pictures)

    def paint(figure):
        figure.suptitle("Attention rollout: share of each patch in the answer", x=0.01, ha="left")
        grid = figure.subplots(2, len(pictures), squeeze=False)
        top = float(shares.max())
        for column, (actual, predicted) in enumerate(captions):
            images.picture(grid[0, column], pictures[column])
            said = "right" if actual == predicted else f"said {style.cut(predicted, 12)}"
            grid[0, column].set_title(
                f"{style.cut(actual, 12)}\n{said}", fontsize=9, fontweight="normal", loc="center"
            )
            heat = grid[1, column].imshow(shares[column], cmap=HEAT, vmin=0, vmax=top)
            grid[1, column].axis("off")
        bar = figure.colorbar(heat, ax=grid[1, :].tolist(), shrink=0.8, pad=0.01)
        bar.set_label("share")

    style.draw(folder / "figures/attention.png", (1.5 * len(pictures) + 0.6, 3.6), paint)


def attention_shares(model, pictures: np.ndarray) -> np.ndarray:
    """(n, rows, columns) of patches; each picture's shares sum to 1."""
    names = [layer.name for layer in model.layers]
    blocks = [name for name in names if name.endswith("_attention")]
    before = [model.get_layer(name.replace("_attention", "_norm1")).output for name in blocks]
    seen = keras.Model(model.inputs, before).predict(pictures, verbose=0)
    seen = seen if isinstance(seen, list) else [seen]
    flow = None
    for name, tokens in zip(blocks, seen, strict=True):
        _, scores = model.get_layer(name)(
            tokens, tokens, return_attention_scores=True, training=False
        )
        mean = keras.ops.convert_to_numpy(scores).astype(np.float64).mean(axis=1)
        step = 0.5 * mean + 0.5 * np.eye(mean.shape[1])
        flow = step if flow is None else step @ flow
    token = int("class_token" in names)
    answer = flow[:, 0, 1:] if token else flow.mean(axis=1)
    rows, columns = _grid(model)
    return (answer / answer.sum(axis=1, keepdims=True)).reshape(len(pictures), rows, columns)


def positions(model: keras.Model, folder: Path) -> None:
    """figures/positions.png: how alike the learned position of each place is to all others.

    One small map a place, in its place; the cosine of the vectors, 1 at the place itself. What has
    been learned of rows, columns and neighbourhoods can be seen at a glance.
    """
    if not _is_vit(model):
        return
    rows, columns = _grid(model)
    vectors = keras.ops.convert_to_numpy(model.get_layer("positions").positions)[-rows * columns :]
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    alike = (unit @ unit.T).reshape(rows, columns, rows, columns)
    shown_rows, shown_columns = (
        np.unique(np.linspace(0, size - 1, min(size, MOST_PLACES)).round().astype(int))
        for size in (rows, columns)
    )

    def paint(figure):
        figure.suptitle("Likeness of learned positions (cosine)", x=0.01, ha="left")
        grid = figure.subplots(len(shown_rows), len(shown_columns), squeeze=False)
        for line, row in zip(grid, shown_rows, strict=True):
            for axes, column in zip(line, shown_columns, strict=True):
                heat = axes.imshow(alike[row, column], cmap="RdBu_r", vmin=-1, vmax=1)
                axes.plot(column, row, "s", ms=3, mfc="none", mec="black", mew=0.8)
                axes.axis("off")
        figure.colorbar(heat, ax=grid.ravel().tolist(), shrink=0.7, pad=0.02)

    side = 0.75 * max(len(shown_rows), len(shown_columns)) + 1.2
    style.draw(folder / "figures/positions.png", (side + 0.8, side), paint)


def _is_vit(model) -> bool:
    return {"patches", "positions"} <= {layer.name for layer in model.layers}


def _grid(model) -> tuple[int, int]:
    """Rows and columns of patches."""
    names = [layer.name for layer in model.layers]
    side = model.get_layer("patches" if "class_token" not in names else "class_token").output
    tokens = side.shape[1] - int("class_token" in names)
    _, height, width, _ = model.inputs[0].shape
    rows = int(round((tokens * height / width) ** 0.5))
    return rows, tokens // rows
