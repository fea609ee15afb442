"""Figures of a model of sequences: what reaches the past, and what is answered.

Every function writes under `folder`: figures/<name>.png and plots/<name>.csv.
"""

from pathlib import Path

import keras
import numpy as np
from matplotlib.ticker import PercentFormatter

from pipelines.figures import classification, style
from pipelines.spec import DataSpec
from pipelines.tasks.sequence_memory import objective, state_gradients
from pipelines.tasks.sequence_memory.answers import kind_of, recalled_steps

POINTS = 1000  # of a scatter plot
UNTRAINED_SEED = 0


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Gradients through time before and after training, and what is answered."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    (name,) = spec.inputs
    keras.utils.set_random_seed(UNTRAINED_SEED)  # the figure is the same in every run
    untrained = type(model).from_config(model.get_config())
    networks = {"before training": untrained, "after training": model}
    sequences, targets = np.asarray(test[name]), np.asarray(test[spec.target.name])
    gradients(networks, sequences, targets, objective.loss(spec), folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Answers beside the correct ones: numbers, classes, or symbols by position."""
    targets, kind = np.asarray(test[spec.target.name]), kind_of(spec)
    if kind == "number":
        numbers(outputs.values, targets, spec, folder)
    elif kind == "class":
        classification.confusion(outputs.predicted, targets, spec.labels, folder)
    else:
        recall(outputs.predicted, targets, recalled_steps(spec), folder)


def gradients(networks: dict, sequences, targets, loss, folder: Path) -> None:
    """Norm of the gradient of the last step's loss by step; of states, or of inputs.

    Args:
        networks: name of a curve -> model.
        sequences, targets: of the test split.
        loss: of the last step.
        folder: for the figure and the table.
    """
    curves, names = {}, {}
    for label, network in networks.items():
        memory = state_gradients.memory_of(network)
        measure = state_gradients.of_states if memory else state_gradients.of_inputs
        curves[label] = measure(network, sequences, targets, loss)
        names[label] = label
        if memory:
            names[label] += f", spectral radius {state_gradients.spectral_radius(memory):.2f}"
    variable = "h" if memory else "x"
    steps = np.arange(1, sequences.shape[1] + 1)

    def paint(figure):
        axes = figure.add_subplot()
        for (label, values), colour in zip(
            curves.items(), (style.ORANGE, style.BLUE), strict=False
        ):
            axes.plot(steps, np.where(values > 0, values, np.nan), color=colour, label=names[label])
        axes.set(yscale="log", xlim=(1, steps[-1]), xlabel="step t")
        axes.set_ylabel(f"|dL/d{variable}_t| of the last step's loss")
        style.plain_numbers(axes.yaxis)
        axes.set_title("Gradient through time")
        axes.legend(loc="best")

    style.draw(folder / "figures/gradients.png", (7.2, 4.2), paint)
    columns = ("step", *(label.replace(" ", "_") for label in curves))
    table = np.column_stack([steps, *curves.values()]).tolist()
    style.write_csv(folder / "plots/gradients.csv", columns, table)


def numbers(values: np.ndarray, targets: np.ndarray, spec: DataSpec, folder: Path) -> None:
    """Answers against correct values, and the answer of who has learned nothing."""
    values, targets = values[:POINTS], targets[:POINTS]
    error = float(np.sqrt(np.mean(np.square(values - targets))))

    def paint(figure):
        axes = figure.add_subplot()
        limits = (float(targets.min()), float(targets.max()))
        axes.plot(limits, limits, color=style.GREY, lw=1, label="correct")
        mean = float(targets.mean())
        axes.axhline(mean, color=style.GREY, ls="--", lw=1.2, label="mean: nothing learned")
        axes.plot(targets, values, ".", color=style.BLUE, ms=3, label="answers")
        axes.set(xlabel=spec.target.unit, ylabel="answer")
        axes.set_title(f"Answers: root mean square error {error:.3g}")
        axes.legend(loc="best")

    style.draw(folder / "figures/answers.png", (5.2, 4.8), paint)
    rows = zip(targets.tolist(), values.tolist(), strict=True)
    style.write_csv(folder / "plots/answers.csv", ("actual", "predicted"), rows)


def recall(predicted: np.ndarray, targets: np.ndarray, steps: int, folder: Path) -> None:
    """Share of right symbols by their place, and that of a guess among those that occur."""
    recalled, actual = predicted[:, -steps:], targets[:, -steps:]
    shares = (recalled == actual).mean(axis=0)
    places = np.arange(1, steps + 1)
    guess = 1 / len(np.unique(actual))

    def paint(figure):
        axes = figure.add_subplot()
        axes.bar(places, shares, width=0.7, color=style.BLUE)
        axes.axhline(guess, color=style.GREY, ls="--", lw=1.2, label="guess: nothing remembered")
        axes.set(xlabel="place of the symbol", ylabel="recalled", ylim=(0, 1.02), xticks=places)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.grid(False, axis="x")
        axes.set_title(f"Recall: {shares.mean():.2%} of the symbols")
        axes.legend(loc="lower right")

    style.draw(folder / "figures/recall.png", (6.4, 4.2), paint)
    rows = zip(places.tolist(), shares.tolist(), strict=True)
    style.write_csv(folder / "plots/recall.csv", ("place", "recall"), rows)
