"""Attention rollout and position embeddings of a Vision Transformer.

Both functions need the layer names of models/vit.py and write nothing for other models.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from pipelines.figures import images, style

MAX_POSITIONS = 8  # shown on a side of the grid
HEAT = "inferno"


def rollout(
    model: keras.Model, pixels: np.ndarray, captions: Sequence[tuple[str, str]], folder: Path
) -> None:
    """figures/attention.png: the share of each patch in the output, by attention rollout.

    The attention matrices A are averaged over heads, mixed with the residual connection, and
    multiplied through the blocks: the product of (A + I) / 2 (Abnar and Zuidema, "Quantifying
    Attention Flow in Transformers", ACL 2020, https://arxiv.org/abs/2005.00928). Rollout shows from
    where information can flow, not its influence on the prediction.

    Args:
        model: of models/vit.py; nothing is written for others.
        pixels: (n, H, W, C) images.
        captions: n pairs of (actual, predicted).
        folder: for the figure.
    """
    if not _is_vit(model):
        return
    shares = attention_shares(model, pixels)

    def paint(figure):
        figure.suptitle("Attention rollout: share of each patch in the output", x=0.01, ha="left")
        grid = figure.subplots(2, len(pixels), squeeze=False)
        top = float(shares.max())
        for column, (actual, predicted) in enumerate(captions):
            images.show(grid[0, column], pixels[column])
            wrong = f"predicted {style.cut(predicted, 12)}"
            verdict = "correct" if actual == predicted else wrong
            grid[0, column].set_title(
                f"{style.cut(actual, 12)}\n{verdict}", fontsize=9, fontweight="normal", loc="center"
            )
            heat = grid[1, column].imshow(shares[column], cmap=HEAT, vmin=0, vmax=top)
            grid[1, column].axis("off")
        bar = figure.colorbar(heat, ax=grid[1, :].tolist(), shrink=0.8, pad=0.01)
        bar.set_label("share")

    style.draw(folder / "figures/attention.png", (1.5 * len(pixels) + 0.6, 3.6), paint)


def attention_shares(model, pixels: np.ndarray) -> np.ndarray:
    """(n, rows, columns) of patches; the shares of an image sum to 1."""
    names = [layer.name for layer in model.layers]
    blocks = [name for name in names if name.endswith("_attention")]
    queries = [model.get_layer(name).input[0] for name in blocks]
    read = keras.Model(model.inputs, queries).predict(pixels, verbose=0)
    flow = None
    for name, tokens in zip(blocks, read if isinstance(read, list) else [read], strict=True):
        _, scores = model.get_layer(name)(
            tokens, tokens, return_attention_scores=True, training=False
        )
        mean = keras.ops.convert_to_numpy(scores).astype(np.float64).mean(axis=1)
        step = 0.5 * mean + 0.5 * np.eye(mean.shape[1])
        flow = step if flow is None else step @ flow
    token = int("class_token" in names)
    output = flow[:, 0, 1:] if token else flow.mean(axis=1)
    rows, columns = _grid(model)
    return (output / output.sum(axis=1, keepdims=True)).reshape(len(pixels), rows, columns)


def positions(model: keras.Model, folder: Path) -> None:
    """figures/positions.png: cosine similarity of the learned position embeddings.

    One map for each position of the grid, with its similarity to all positions, 1 to itself: rows,
    columns and neighbourhoods that were learned are visible.
    """
    if not _is_vit(model):
        return
    rows, columns = _grid(model)
    vectors = keras.ops.convert_to_numpy(model.get_layer("positions").positions)[-rows * columns :]
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    similarity = (unit @ unit.T).reshape(rows, columns, rows, columns)
    shown_rows, shown_columns = (
        np.unique(np.linspace(0, size - 1, min(size, MAX_POSITIONS)).round().astype(int))
        for size in (rows, columns)
    )

    def paint(figure):
        figure.suptitle("Cosine similarity of position embeddings", x=0.01, ha="left")
        grid = figure.subplots(len(shown_rows), len(shown_columns), squeeze=False)
        for line, row in zip(grid, shown_rows, strict=True):
            for axes, column in zip(line, shown_columns, strict=True):
                heat = axes.imshow(similarity[row, column], cmap="RdBu_r", vmin=-1, vmax=1)
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
