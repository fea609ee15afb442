"""Every head's self-attention apart, of a Transformer encoder that classifies texts.

benchmarks/attention_heads.py draws docs/attention_heads.png with it.
"""

from pathlib import Path

import keras
import numpy as np

from models.layers import EncoderBlock
from pipelines.figures import style


def of_heads(model: keras.Model, ids: np.ndarray) -> np.ndarray:
    """(blocks, heads, T, T) weights of the first row of (B, T) ids; each row of them sums to 1.

    Args:
        model: of models/transformer_classifier.py with one field.
        ids: (B, T), without padding in the first row.
    """
    blocks = [layer for layer in model.layers if isinstance(layer, EncoderBlock)]
    reader = keras.Model(model.inputs, [block.input[0] for block in blocks])
    weights = []
    for block, x in zip(blocks, keras.tree.flatten(reader([ids])), strict=True):
        read = block.before(x, block.norm_attention)
        _, of_heads = block.self_attention(read, read, return_attention_scores=True)
        weights.append(keras.ops.convert_to_numpy(of_heads)[0])
    return np.stack(weights)


def draw(weights: np.ndarray, words: list[str], path: Path) -> None:
    """One map for each block and head: a row for each word, a column for each that it looks at."""

    def paint(figure):
        grid = figure.subplots(*weights.shape[:2], squeeze=False, sharex=True, sharey=True)
        for block, (line, heads) in enumerate(zip(grid, weights, strict=True), start=1):
            for head, (axes, shares) in enumerate(zip(line, heads, strict=True), start=1):
                image = axes.imshow(shares, cmap=style.SEQUENTIAL, vmin=0, vmax=1)
                axes.set_xticks(range(len(words)), words, rotation=90, fontsize=8)
                axes.set_yticks(range(len(words)), words, fontsize=8)
                axes.tick_params(length=0)
                axes.grid(False)
                axes.set_title(f"block {block}, head {head}", fontsize=9, pad=4)
        figure.colorbar(image, ax=grid.ravel().tolist(), shrink=0.6, label="share of a row")

    blocks, heads = weights.shape[:2]
    side = 0.5 + 0.16 * len(words)
    style.draw(path, (side * heads + 2.0, side * blocks + 1.0), paint)
