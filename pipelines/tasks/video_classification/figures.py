"""Figures of a classifier of movies: the frames of examples, and the answer while a movie runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.figures import classification, errors, images, style
from pipelines.spec import DataSpec

MOVIES, STILLS = 6, 8  # lines and columns of examples.png


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Those of `draw_estimator`, and how the answer becomes sure as frames are read."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    rows = _examples(outputs, test, spec)
    (name,) = spec.inputs
    over_frames(model, {name: np.asarray(test[name])[rows]}, spec, decision,
                np.asarray(test[spec.target.name])[rows], folder)  # fmt: skip


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Confusion matrix, calibration, confident errors, and the frames of examples."""
    (name,) = spec.inputs
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    classification.of_classifier(outputs, targets, spec, decision, folder)
    rows = errors.mistakes(
        {"file": test["file"]}, outputs.probabilities, outputs.predicted, targets, labels, folder
    )
    middle = np.asarray(test[name])[:, spec.inputs[name].shape[0] // 2]
    images.mistakes(middle, rows, folder)
    shown = _examples(outputs, test, spec)
    examples(np.asarray(test[name]), outputs, targets, labels, shown, folder)


def _examples(outputs, test: dict, spec: DataSpec) -> list[int]:
    return images.examples(np.asarray(test[spec.target.name]), outputs.predicted, MOVIES)


def examples(
    movies: np.ndarray, outputs, targets: np.ndarray, labels: Sequence[str], rows: Sequence[int],
    folder: Path,
) -> None:  # fmt: skip
    """figures/examples.png: a line of frames for each movie, with the answer above it."""
    count = movies.shape[1]
    shown = np.unique(np.linspace(0, count - 1, min(count, STILLS)).round().astype(int))

    def paint(figure):
        figure.suptitle("Frames of test movies, from left to right", x=0.01, ha="left")
        grid = figure.subplots(len(rows), len(shown), squeeze=False)
        for line, row in zip(grid, rows, strict=True):
            for axes, frame in zip(line, shown, strict=True):
                images.show(axes, movies[row, frame])
            given = int(outputs.predicted[row])
            sure = 100 * outputs.probabilities[row, given]
            answer = f"{style.cut(labels[given], 20)}, {sure:.0f} %"
            if given != targets[row]:
                answer += f" (is {style.cut(labels[targets[row]], 20)})"
            line[0].set_title(answer, fontsize=8.5, fontweight="normal", loc="left", pad=3)

    size = (1.1 * len(shown), 1.35 * len(rows) + 0.4)
    style.draw(folder / "figures/examples.png", size, paint)


def over_frames(
    model, movies: dict[str, np.ndarray], spec: DataSpec, decision, targets: np.ndarray,
    folder: Path,
) -> None:  # fmt: skip
    """figures/over_frames.png: probability of the actual class from the first t frames alone.

    A model has one length, so all frames after t are the same as frame t.

    Args:
        model: of movies.
        movies: the input (m, T, H, W, C), of the movies to draw.
        spec: of the data.
        decision: gives probabilities.
        targets: (m,) their classes.
        folder: for the figure and plots/over_frames.csv.
    """
    ((name, frames),) = movies.items()
    count = frames.shape[1]
    stopped = np.minimum(np.arange(count), np.arange(count)[:, None])  # (T, T): frames after t
    halted = np.concatenate([frames[:, places] for places in stopped])  # (T m, T, H, W, C)
    probabilities = decision.probabilities(model.predict({name: halted}, verbose=0))
    by_frame = probabilities.reshape(count, len(frames), -1)
    of_actual = by_frame[:, np.arange(len(frames)), targets]  # (T, m)

    def paint(figure):
        axes = figure.add_subplot()
        for number, target in enumerate(targets):
            axes.plot(np.arange(1, count + 1), of_actual[:, number], marker="o", markersize=3,
                      label=style.cut(spec.labels[target], 20))  # fmt: skip
        axes.axhline(1 / spec.outputs, color=style.GREY, linestyle=":", linewidth=1)
        axes.set(xlabel="frames read", ylabel="probability of the actual class", ylim=(0, 1.02))
        axes.set_title("When the answer is known; dotted: chance")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    style.draw(folder / "figures/over_frames.png", (6.4, 3.6), paint)
    rows = [
        (movie, frame + 1, spec.labels[target], float(of_actual[frame, movie]))
        for movie, target in enumerate(targets)
        for frame in range(count)
    ]
    columns = ("movie", "frames_read", "actual", "probability")
    style.write_csv(folder / "plots/over_frames.csv", columns, rows)
