"""Figures of captions: examples beside their references, what is right, and where words look.

Every function writes under `folder`: figures/<name>.png, plots/<name>.csv or <name>.csv.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.classical import caption_ngrams
from pipelines.figures import images, networks, style
from pipelines.preparation import scene_captions
from pipelines.preparation.image_captions import IMAGE
from pipelines.spec import DataSpec
from pipelines.tasks.captioning import attention
from pipelines.tasks.captioning.metrics import (
    FACTS,
    HELD_OUT,
    Outputs,
    facts_right,
    references_of,
    signature,
)

COLUMNS, ROWS, REFERENCES = 3, 4, 2
LINE, SMALL_LINE = 38, 52  # characters


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Those of `draw_estimator`, the filters, and where each word looks."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    networks.kernels(model, folder)
    attention.draw(model, test, outputs, shown(outputs, test)[::2], folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Examples, all captions as a table, and how BLEU was computed."""
    values = caption_ngrams.cider_d(list(outputs.captions), references_of(test))
    rows = [
        (test["file"][row], outputs.captions[row], known[0], round(float(values[row]), 3))
        for row, known in enumerate(references_of(test))
    ]
    columns = ("file", "caption", "reference", "cider_d")
    style.write_csv(folder / "captions.csv", columns, rows)
    described = [("bleu", signature(outputs, test))]
    style.write_csv(folder / "plots/signatures.csv", ("metric", "signature"), described)
    examples(outputs, test, values, folder)


def shown(outputs: Outputs, test: dict) -> list[int]:
    """Rows in even steps from the worst caption to the best, by CIDEr-D."""
    values = caption_ngrams.cider_d(list(outputs.captions), references_of(test))
    order = np.argsort(values, kind="stable")
    places = np.linspace(0, len(order) - 1, min(COLUMNS * ROWS, len(order)))
    return order[np.unique(places.round().astype(int))].tolist()


def examples(outputs: Outputs, test: dict, values: np.ndarray, folder: Path) -> None:
    """figures/examples.png: images with their caption, and below it references in grey."""
    references, rows = references_of(test), shown(outputs, test)

    def paint(figure):
        figure.suptitle(
            "Captions from the worst to the best, references in grey", x=0.01, ha="left"
        )
        for axes in (grid := figure.subplots(ROWS, COLUMNS, squeeze=False)).flat:
            axes.axis("off")
        for axes, row in zip(grid.flat, rows, strict=False):
            images.show(axes, test[IMAGE][row])
            caption = style.cut(f"{outputs.captions[row]} ({values[row]:.1f})", 2 * LINE)
            axes.set_title(textwrap.fill(caption, LINE), fontsize=8, loc="center")
            known = "\n".join(style.cut(text, SMALL_LINE) for text in references[row][:REFERENCES])
            axes.text(
                0.5, -0.04, known, transform=axes.transAxes, fontsize=7, color=style.GREY,
                ha="center", va="top",
            )  # fmt: skip

    style.draw(folder / "figures/examples.png", (2.9 * COLUMNS, 2.5 * ROWS + 0.4), paint)


def draw_comparison(
    outputs, baselines: Mapping, test: dict, spec: DataSpec, assets: Path, folder: Path
) -> None:
    """figures/facts.png: how many facts are right, by kind, beside the baselines; pale where the
    image shows a combination that train does not have. Nothing where no facts are known."""
    if FACTS not in test:
        return
    every = {"model": outputs, **baselines}
    held_out, facts = np.asarray(test[HELD_OUT]), list(test[FACTS])
    table = {}
    for name, given in every.items():
        right = facts_right(list(given.captions), facts) / scene_captions.COUNTS
        table[name] = [100 * right[part].mean(axis=0) for part in (~held_out, held_out)]

    def paint(figure):
        axes = figure.add_subplot()
        kinds, width = scene_captions.KINDS, 0.8 / len(every)
        places = np.arange(len(kinds))
        colours = [style.BLUE, *["#B0B0B0", "#909090", "#707070"]]
        for number, (name, (seen, other)) in enumerate(table.items()):
            middle = places + (number - len(every) / 2 + 0.5) * width
            colour = colours[min(number, len(colours) - 1)]
            label = name.removeprefix("baseline_").replace("_", " ")
            for offset, share, alpha in ((-1, seen, 1.0), (1, other, 0.5)):
                bars = axes.bar(
                    middle + offset * width / 4, share, width / 2, color=colour, alpha=alpha,
                    label=label if offset < 0 else None,
                )  # fmt: skip
                if name == "model":
                    axes.bar_label(bars, fmt="%.0f", fontsize=7, padding=1)
        axes.set_xticks(places, kinds)
        axes.set(ylabel="right, %", ylim=(0, 112))
        axes.grid(False, axis="x")
        axes.set_title("Facts that captions have right; pale: combinations that train lacks")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncol=4)

    style.draw(folder / "figures/facts.png", (7.2, 4.4), paint)
    rows = [
        (name, part, *values.tolist())
        for name, parts in table.items()
        for part, values in zip(("seen", "held_out"), parts, strict=True)
    ]
    style.write_csv(folder / "plots/facts.csv", ("captions", "part", *scene_captions.KINDS), rows)
