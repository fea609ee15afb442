"""Where each word of a question looks in its image: the shares of cross-attention, as heat."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from pipelines.evaluation.classifier import Outputs
from pipelines.figures import images, style
from pipelines.preparation.visual_questions import IMAGE, RAW_QUESTION, WORDS
from pipelines.preprocessing import tokenization
from pipelines.spec import DataSpec

LAYER = "image_attention"
EXAMPLES, MOST_WORDS = 4, 9


def shares(model, pixels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(n, T, h, w): the share of each cell in what a word finds, as the mean over heads.

    Args:
        model: with cross-attention, of models/visual_questions.py.
        pixels: (n, H, W, C).
        ids: (n, T).
    """
    layer = model.get_layer(LAYER)
    states = keras.Model(model.input, layer.input)
    tokens, cells = states({IMAGE: pixels, WORDS: ids}, training=False)
    every = np.asarray(layer.shares(tokens, cells)).mean(axis=1)  # (n, T, S)
    last = [name for name in (part.name for part in model.layers) if name.startswith("pool")][-1]
    height, width = model.get_layer(last).output.shape[1:3]
    return every.reshape(*every.shape[:2], height, width)


def draw(
    model, test: dict, rows: Sequence[int], outputs: Outputs, spec: DataSpec, folder: Path
) -> None:
    """figures/attention.png: the image of each row, and the heat of each word over it.

    Nothing is drawn for a model without attention.
    """
    if not rows or LAYER not in [layer.name for layer in model.layers]:
        return
    pixels, ids = (np.asarray(test[name][list(rows)]) for name in (IMAGE, WORDS))
    heat = shares(model, pixels, ids)
    words = [spelt(test[RAW_QUESTION][row])[: ids.shape[1]] for row in rows]
    columns = min(MOST_WORDS, max(map(len, words)))

    def paint(figure):
        figure.suptitle("Where each word looks; the answer before it", x=0.01, ha="left")
        grid = figure.subplots(len(rows), columns + 1, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for line, row in enumerate(rows):
            answer = spec.labels[int(outputs.predicted[row])]
            images.show(grid[line, 0], pixels[line])
            grid[line, 0].set_title(f"→ {answer}", fontsize=8.5, loc="center")
            sides = pixels.shape[1:3]
            for place, word in enumerate(words[line][:columns]):
                axes = grid[line, place + 1]
                images.show(axes, pixels[line], alpha=0.45)
                axes.imshow(
                    heat[line, place], cmap="inferno", alpha=0.6, vmin=0,
                    extent=(-0.5, sides[1] - 0.5, sides[0] - 0.5, -0.5),
                )  # fmt: skip
                axes.set_title(style.cut(word, 10), fontsize=8, fontweight="normal", loc="center")

    style.draw(folder / "figures/attention.png", (1.1 * (columns + 1), 1.35 * len(rows)), paint)


def spelt(question: str) -> list[str]:
    """The words and signs of a question, as the tokenizer reads them."""
    rules = [tokenization.DOTTED_I, *tokenization.word_rules("value")]
    return tokenization.split("word", True, rules, question)
