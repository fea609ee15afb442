"""Figures of a segmentation: images with their errors, precision and recall, scores by class.

Every function writes under `folder`: figures/<name>.png and plots/<name>.csv.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator
from scipy import ndimage

from pipelines.figures import images, networks, style
from pipelines.preprocessing import image_sizes, mask_files
from pipelines.spec import DataSpec
from pipelines.tasks.segmentation import metrics

EXAMPLES = 4  # images drawn
PERCENTILES = (0, 25, 50, 100)  # of the images by their mean IoU
EDGES = (1, 10, 30, 100, 300, 1000, 10_000, 10**9)  # pixels of an object
BINS = 1000  # of probabilities
WHITE, GREY, RED, BLUE = (255, 255, 255), (120, 120, 120), (213, 94, 0), (0, 114, 178)


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Those of `draw_estimator`, precision and recall, filters and feature maps."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    (name,) = spec.inputs
    shown = range(spec.outputs) if spec.outputs > 2 else [target_class(spec)]
    truths = test[spec.target.name]
    precision_and_recall(outputs.probabilities, truths, spec.labels, shown, folder)
    networks.kernels(model, folder)
    tile = spec.inputs[name].shape[0]
    first = image_sizes.mirror(test[name][0], tile, tile)[:tile, :tile]
    networks.feature_maps(model, first, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Images with their errors, scores by class, and how much of objects of each size is found."""
    (name,) = spec.inputs
    truths, predicted = metrics.at_one_size(outputs, test, spec)
    confusions = np.stack([
        metrics.confusion(a, b, spec.outputs) for a, b in zip(truths, predicted, strict=True)
    ])  # fmt: skip
    target = target_class(spec)
    examples(test[name], truths, predicted, confusions, test["file"], spec.labels, target, folder)
    by_class(confusions.sum(axis=0), spec.labels, folder)
    by_size(truths, predicted, spec.labels, folder)


def target_class(spec: DataSpec) -> int:
    """Of two classes, the one to find."""
    return 1 if spec.positive_id is None else spec.positive_id


def examples(
    pixels: Sequence[np.ndarray], truths: Sequence[np.ndarray], predicted: Sequence[np.ndarray],
    confusions: np.ndarray, names: Sequence[str], labels: Sequence[str], target: int, folder: Path,
) -> None:  # fmt: skip
    """Image, truth, prediction and errors, from the worst image to the best one."""
    scores = np.array([np.nanmean(metrics.ious(confusion)) for confusion in confusions])
    order = np.argsort(scores, kind="stable")
    ranks = [round(percent / 100 * (len(order) - 1)) for percent in PERCENTILES]
    rows = [int(order[rank]) for rank in dict.fromkeys(ranks)]
    colours = mask_files.palette()
    title = "Errors: white and grey are right, orange is wrong, black has no class"
    if len(labels) == 2:
        title = f"Errors of {labels[target]}: white is right, orange is too much, blue is missed"

    def paint(figure):
        figure.suptitle(title, x=0.01, ha="left")
        grid = figure.subplots(len(rows), 4, squeeze=False)
        for line, row in zip(grid, rows, strict=True):
            truth, mask = truths[row], predicted[row]
            panels = (
                pixels[row],
                colours[truth],
                colours[mask],
                errors(truth, mask, len(labels), target),
            )
            captions = (names[row], "truth", "predicted", f"IoU {scores[row]:.2f}")
            for axes, panel, caption in zip(line, panels, captions, strict=True):
                images.show(axes, panel)
                axes.set_title(style.cut(caption, 24), fontsize=8.5, fontweight="normal", pad=3)
        handles = [
            Patch(facecolor=colours[n] / 255, edgecolor="#888888", label=style.cut(label, 20))
            for n, label in enumerate(labels)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(labels)))

    style.draw(folder / "figures/examples.png", (8.4, 2.2 * len(rows) + 0.8), paint)
    table = [(names[row], float(scores[row])) for row in order.tolist()]
    style.write_csv(folder / "plots/examples.csv", ("file", "mean_iou"), table)


def errors(truth: np.ndarray, mask: np.ndarray, classes: int, target: int) -> np.ndarray:
    """(h, w) class ids -> (h, w, 3) colours of right and wrong pixels.

    Of two classes, `target` is the one to find. Of more, class 0 where it is right is grey.
    """
    known = truth != mask_files.IGNORED
    colours = np.full((*truth.shape, 3), 40, np.uint8)
    right = known & (truth == mask)
    colours[known & ~right] = RED
    if classes == 2:
        colours[right & (truth == target)] = WHITE
        colours[known & (truth == target) & ~right] = BLUE
    else:
        colours[right & (truth > 0)] = WHITE
        colours[right & (truth == 0)] = GREY
    colours[~known] = 0
    return colours


def precision_and_recall(
    probabilities: Sequence[np.ndarray], truths: Sequence[np.ndarray], labels: Sequence[str],
    shown: Sequence[int], folder: Path,
) -> None:  # fmt: skip
    """Precision against recall of the classes `shown`, pixel by pixel, over all thresholds."""
    if not probabilities:
        return
    counts = np.zeros((len(labels), 2, BINS))  # class, is it the true one, probability
    for values, truth in zip(probabilities, truths, strict=False):
        truth = np.asarray(truth)
        rows = image_sizes.nearest(values.shape[0], truth.shape[0])
        columns = image_sizes.nearest(values.shape[1], truth.shape[1])
        known = truth != mask_files.IGNORED
        for label in shown:
            place = values[rows[:, None], columns, label][known]
            bins = np.minimum((place * BINS).astype(int), BINS - 1)
            for is_true in (0, 1):
                of_truth = bins[(truth[known] == label) == is_true]
                counts[label, is_true] += np.bincount(of_truth, minlength=BINS)
    curves = {label: _curve(*counts[label]) for label in shown if counts[label, 1].any()}

    def paint(figure):
        axes = figure.add_subplot()
        colours = (style.GREY, style.ORANGE, style.BLUE, style.GREEN)
        for label, (precision, recall) in curves.items():
            area = float(-np.trapezoid(precision, recall))
            text = f"{style.cut(labels[label], 20)}: area {area:.3f}"
            axes.plot(recall, precision, label=text, color=colours[label % len(colours)])
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
        axes.legend(loc="center")
        axes.set_title("Precision and recall of pixels")

    style.draw(folder / "figures/precision_recall.png", (5.6, 4.6), paint)
    table = [
        (labels[label], level / BINS, float(precision[level]), float(recall[level]))
        for label, (precision, recall) in curves.items()
        for level in range(0, BINS, 10)
    ]
    columns = ("class", "threshold", "precision", "recall")
    style.write_csv(folder / "plots/precision_recall.csv", columns, table)


def _curve(negatives: np.ndarray, positives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall at each threshold, the lowest first; the last finds nothing."""
    true, false = (np.cumsum(values[::-1])[::-1] for values in (positives, negatives))
    precision = np.where(true + false > 0, true / np.maximum(true + false, 1), 1.0)
    return np.append(precision, precision[-1]), np.append(true / positives.sum(), 0.0)


def by_class(confusion: np.ndarray, labels: Sequence[str], folder: Path) -> None:
    """Intersection over union of each class, with the share of its pixels that each class got."""
    iou = metrics.ious(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    names = [style.cut(label, 18) for label in labels]

    def paint(figure):
        left, right = figure.subplots(1, 2)
        left.barh(names, np.nan_to_num(iou), color=style.BLUE)
        left.set(xlim=(0, 1), xlabel="intersection over union")
        left.invert_yaxis()
        left.grid(False, axis="y")
        left.set_title(f"By class; mean {np.nanmean(iou):.3f}")
        right.imshow(shares, cmap=style.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
        right.set_xticks(range(len(names)), names, rotation=30, ha="right")
        right.set_yticks(range(len(names)), names)
        right.grid(False)
        right.set(xlabel="predicted", ylabel="true")
        for (row, column), share in np.ndenumerate(shares[: 8 if len(labels) <= 8 else 0]):
            colour = "white" if share > 0.5 else "#333333"
            right.text(column, row, f"{100 * share:.1f} %", ha="center", va="center", color=colour)
        right.set_title("Where the pixels of a class go")

    height = 2.2 + 0.35 * len(labels)
    style.draw(folder / "figures/by_class.png", (9.0, height), paint)
    rows = [
        (label, float(iou[number]), int(confusion[number].sum()))
        for number, label in enumerate(labels)
    ]
    style.write_csv(folder / "plots/by_class.csv", ("class", "iou", "pixels"), rows)


def by_size(
    truths: Sequence[np.ndarray], predicted: Sequence[np.ndarray], labels: Sequence[str],
    folder: Path,
) -> None:  # fmt: skip
    """The share of the pixels of an object that is found, by the object's size.

    An object is a connected region of a class other than the first.
    """
    sizes, matches, classes = [], [], []
    for truth, mask in zip(truths, predicted, strict=True):
        for label in range(1, len(labels)):
            regions, count = ndimage.label(truth == label)
            if count:
                numbers = regions[regions > 0]
                sizes.append(np.bincount(numbers)[1:])
                matches.append(np.bincount(numbers, mask[regions > 0] == label)[1:])
                classes.append(np.full(count, label))
    if not sizes:
        return
    size, hits, label_of = map(np.concatenate, (sizes, matches, classes))
    rows = []
    for label in range(1, len(labels)):
        for low, high in zip(EDGES[:-1], EDGES[1:], strict=True):
            inside = (label_of == label) & (size >= low) & (size < high)
            if inside.any():
                share = float(np.mean(hits[inside] / size[inside]))
                rows.append((labels[label], low, share, int(inside.sum())))

    def paint(figure):
        axes = figure.add_subplot()
        colours = (style.BLUE, style.ORANGE, style.GREEN, style.GREY)
        for number, label in enumerate(dict.fromkeys(row[0] for row in rows)):
            points = [row for row in rows if row[0] == label]
            axes.plot([row[1] for row in points], [row[2] for row in points], marker="o",
                      label=style.cut(label, 20), color=colours[number % len(colours)])  # fmt: skip
            for row in points:
                axes.annotate(str(row[3]), row[1:3], textcoords="offset points", xytext=(0, 6),
                              ha="center", fontsize=8, color="#555555")  # fmt: skip
        axes.set(xscale="log", ylim=(-0.03, 1.1), ylabel="share of its pixels found")
        axes.set_xlabel("pixels of the object, from")
        axes.set_xticks(EDGES[:-1], [f"{edge:,}" for edge in EDGES[:-1]])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend(loc="lower right")
        axes.set_title("Objects by size; the numbers are how many there are")

    style.draw(folder / "figures/by_size.png", (6.4, 4.2), paint)
    columns = ("class", "pixels_from", "share_found", "objects")
    style.write_csv(folder / "plots/by_size.csv", columns, rows)
