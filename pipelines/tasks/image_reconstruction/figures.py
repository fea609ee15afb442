"""Figures of an autoencoder: reconstructions beside the images, a map of the codes.

Every function writes under `folder`: figures/<name>.png and plots/<name>.csv.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import colormaps

from pipelines.classical.reconstruction import intensities, squared_errors
from pipelines.figures import images, networks, style
from pipelines.spec import DataSpec
from pipelines.tasks.image_reconstruction.metrics import Outputs, score

EXAMPLES = 10  # images drawn, and classes of the map
MODEL, PCA = "this model", "baseline_pca"
COLOURS = "tab10"
BOX = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """The filters of a network with convolutions; the rest is compared with the baselines."""
    networks.kernels(model, folder)


def draw_comparison(
    outputs: Outputs, baselines: Mapping[str, Outputs], test: dict, spec: DataSpec, assets: Path,
    folder: Path,
) -> None:  # fmt: skip
    """Images, and the codes by class, of the model and of principal components."""
    compared = {MODEL: outputs}
    pca = baselines.get(PCA)
    if pca is not None and not np.array_equal(pca.reconstruction, outputs.reconstruction):
        compared["principal components"] = pca
    draw_examples(compared, test, spec, folder)
    draw_codes(compared, test, spec, folder)


def draw_examples(
    compared: Mapping[str, Outputs], test: dict, spec: DataSpec, folder: Path
) -> None:
    """figures/examples.png: the first image of each class, above its reconstructions."""
    (name,) = spec.inputs
    pixels, targets = test[name], np.asarray(test[spec.target.name])
    rows = images.examples(targets, targets, EXAMPLES)
    errors = {
        title: squared_errors(intensities(pixels), outputs.reconstruction)
        for title, outputs in compared.items()
    }

    def paint(figure):
        figure.suptitle("Images and reconstructions, with mean squared error", x=0.01, ha="left")
        grid = figure.subplots(1 + len(compared), len(rows), squeeze=False)
        for axes, row in zip(grid[0], rows, strict=True):
            images.show(axes, pixels[row])
            _caption(axes, style.cut(spec.labels[targets[row]], 12))
        for line, (title, outputs) in zip(grid[1:], compared.items(), strict=True):
            for axes, row in zip(line, rows, strict=True):
                images.show(axes, np.rint(255 * outputs.reconstruction[row]).astype(np.uint8))
                _caption(axes, f"{errors[title][row]:.4f}")
            line[0].text(-0.25, 0.5, title, rotation=90, ha="center", va="center", fontsize=8.5,
                         transform=line[0].transAxes)  # fmt: skip

    size = (0.95 * len(rows) + 0.6, 1.25 * (1 + len(compared)) + 0.5)
    style.draw(folder / "figures/examples.png", size, paint)
    table = (
        (test["file"][row], spec.labels[targets[row]], *(float(e[row]) for e in errors.values()))
        for row in range(len(targets))
    )
    columns = ("file", "class", *(f"mse of {title}" for title in errors))
    style.write_csv(folder / "plots/examples.csv", columns, table)


def draw_codes(compared: Mapping[str, Outputs], test: dict, spec: DataSpec, folder: Path) -> None:
    """figures/codes.png: each code on its first two principal components, coloured by class."""
    targets, labels = np.asarray(test[spec.target.name]), spec.labels
    ones = np.ones((1, len(targets)))
    places = {title: first_two(np.asarray(outputs.code)) for title, outputs in compared.items()}
    shown = np.unique(targets)[:EXAMPLES]

    def paint(figure):
        figure.suptitle("Codes by class: first two principal components", x=0.01, ha="left")
        for axes, (title, outputs) in zip(
            figure.subplots(1, len(compared), squeeze=False)[0], compared.items(), strict=True
        ):
            for number, label in enumerate(shown):
                points, colour = places[title][targets == label], colormaps[COLOURS](number)
                axes.scatter(*points.T, s=7, color=colour, alpha=0.6, linewidths=0)
                axes.text(*np.median(points, axis=0), style.cut(labels[label], 12), color=colour,
                          weight="bold", ha="center", va="center", bbox=BOX)  # fmt: skip
            accuracy = score(outputs, test, spec, ones)["nearest_neighbour_accuracy"][0]
            neighbour = f"same class as the nearest of train: {100 * accuracy:.1f} %"
            axes.set_title(f"{title.capitalize()}\n{neighbour}", fontsize=9.5)
            axes.set_xticks([])
            axes.set_yticks([])

    style.draw(folder / "figures/codes.png", (4.6 * len(compared), 4.6), paint)
    table = (
        (title, labels[target], *place)
        for title, points in places.items()
        for target, place in zip(targets.tolist(), points.tolist(), strict=True)
    )
    style.write_csv(folder / "plots/codes.csv", ("code of", "class", "first", "second"), table)


def first_two(code: np.ndarray) -> np.ndarray:
    """(n, k) -> (n, 2): the projections on the two directions in which codes vary most."""
    centred = np.asarray(code, np.float64) - code.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    places = centred @ directions[:2].T
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _caption(axes, text: str) -> None:
    axes.set_title(text, fontsize=8.5, fontweight="normal", loc="center", pad=3)
