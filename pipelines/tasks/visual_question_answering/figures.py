"""Figures of answers to questions about images: examples, confusion, and where each word looks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipelines.evaluation.classifier import Outputs
from pipelines.figures import classification, errors, images, networks, style
from pipelines.preparation.visual_questions import IMAGE, RAW_QUESTION
from pipelines.spec import DataSpec
from pipelines.tasks.visual_question_answering import attention, metrics

UNKNOWN = "(another answer)"
COLUMNS, ROWS = 4, 2
REFERENCE = "baseline_question_only"


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Those of `draw_estimator`, the filters, and the attention of a model that has it."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    networks.kernels(model, folder)
    shown = different_images(test, right=outputs.predicted == np.asarray(test[spec.target.name]))
    attention.draw(model, test, shown[: attention.EXAMPLES], outputs, spec, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Examples, confusion, calibration, and the most confident mistakes."""
    targets = np.asarray(test[spec.target.name])
    complete = metrics.with_unknown_answer(outputs, spec)
    has_unknown = bool((targets == spec.outputs).any())
    labels = [*spec.labels, UNKNOWN] if has_unknown else list(spec.labels)
    probabilities = complete.probabilities[:, : len(labels)]
    classification.confusion(outputs.predicted, targets, labels, folder)
    classification.calibration(probabilities, targets, labels, folder)
    given = {"file": test["file"], "question": test[RAW_QUESTION], "answer": test["answer"]}
    rows = errors.mistakes(given, probabilities, outputs.predicted, targets, labels, folder)
    images.mistakes(test[IMAGE], rows, folder)
    examples(outputs, test, spec, folder)


def different_images(test: dict, right: np.ndarray) -> list[int]:
    """Rows about images of their own: wrongly answered ones first, at most half, then others."""
    of_image = test[IMAGE].numbers
    first = [int(rows[0]) for rows in _by_image(of_image, ~right)]
    rest = [int(rows[0]) for rows in _by_image(of_image, right)]
    half = COLUMNS * ROWS // 2
    wrong = first[:half]
    taken = {int(of_image[row]) for row in wrong}
    return wrong + [row for row in rest if int(of_image[row]) not in taken]


def _by_image(of_image: np.ndarray, selected: np.ndarray) -> list[np.ndarray]:
    """The rows that are selected, of each image, one question of every image in turn."""
    rows = np.flatnonzero(selected)
    numbers = np.unique(of_image[rows])
    groups = [rows[of_image[rows] == number] for number in numbers[: 2 * COLUMNS * ROWS]]
    return [np.roll(group, -place) for place, group in enumerate(groups)]


def examples(outputs: Outputs, test: dict, spec: DataSpec, folder: Path) -> None:
    """figures/examples.png: images with a question, the answer, and the true one of mistakes."""
    targets = np.asarray(test[spec.target.name])
    rows = different_images(test, outputs.predicted == targets)[: COLUMNS * ROWS]

    def paint(figure):
        figure.suptitle("Questions and answers, mistakes first", x=0.01, ha="left")
        grid = figure.subplots(ROWS, COLUMNS, squeeze=False)
        for axes, row in zip(grid.flat, rows, strict=False):
            images.show(axes, test[IMAGE][row])
            axes.set_title(
                caption(outputs, test, spec, row), fontsize=8, fontweight="normal", loc="center"
            )
        for axes in figure.axes:
            axes.axis("off")

    style.draw(folder / "figures/examples.png", (2.3 * COLUMNS, 2.6 * ROWS + 0.4), paint)


def caption(outputs: Outputs, test: dict, spec: DataSpec, row: int) -> str:
    """The question, and below it the answer."""
    number = int(outputs.predicted[row])
    answer = f"{spec.labels[number]}, {100 * outputs.probabilities[row, number]:.0f} %"
    if number != int(test[spec.target.name][row]):
        answer += f"  (is {style.cut(test['answer'][row], 16)})"
    return f"{style.cut(test[RAW_QUESTION][row], 36)}\n{answer}"


def draw_comparison(
    outputs, baselines: Mapping, test: dict, spec: DataSpec, assets: Path, folder: Path
) -> None:
    """figures/kinds.png: accuracy by kind of answer, beside the baselines.

    The prior of the questions is marked, that is how often they are answered without the image.
    """
    every = {"model": outputs, **baselines}
    ones = metrics.weights(len(test[spec.target.name]), 0, seed=0, spec=spec)
    scores = {name: metrics.score(given, test, spec, ones) for name, given in every.items()}
    kinds = [name for name in scores["model"] if name.startswith("accuracy")]
    table = np.array([[scores[name][kind][0] for kind in kinds] for name in every])

    def paint(figure):
        axes = figure.add_subplot()
        places, width = np.arange(len(kinds)), 0.8 / len(every)
        shades = [style.BLUE, *["#B0B0B0", "#9A9A9A", "#858585", "#707070", "#5A5A5A"]]
        for number, name in enumerate(every):
            bars = axes.bar(
                places + (number - len(every) / 2 + 0.5) * width, 100 * table[number], width,
                color=shades[min(number, len(shades) - 1)],
                label=name.removeprefix("baseline_").replace("_", " "),
            )  # fmt: skip
            if name == "model":
                axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=1)
            if name == REFERENCE:
                for place, share in zip(places, 100 * table[number], strict=True):
                    axes.hlines(share, place - 0.42, place + 0.42, color=style.ORANGE, ls="--")
        names = [kind.removeprefix("accuracy_").replace("_", "/") for kind in kinds]
        axes.set_xticks(places, ["all" if name == "accuracy" else name for name in names])
        axes.set(ylabel="answered rightly, %", ylim=(0, 112))
        axes.grid(False, axis="x")
        axes.set_title("Accuracy by kind of answer; dashed: from the question alone")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncol=3)

    style.draw(folder / "figures/kinds.png", (7.2, 4.6), paint)
    rows = [(name, *values) for name, values in zip(every, table.tolist(), strict=True)]
    style.write_csv(folder / "plots/kinds.csv", ("answers", *kinds), rows)
