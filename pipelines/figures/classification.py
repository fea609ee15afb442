"""Figures of a classifier and of its training, each with its numbers for `dvc plots`.

Every function writes `<folder>/figures/<name>.png` and `<folder>/plots/<name>.csv` and returns
nothing. Arguments are as in `classification.scores`: probabilities (n, k), predicted (n,) and
targets (n,); `labels` are the k class names. All raise ValueError for no rows.
"""

from pathlib import Path

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.ticker import MaxNLocator, PercentFormatter

from pipelines.config.errors import UserError
from pipelines.evaluation.classification import areas, curve
from pipelines.figures import style

CURVE_POINTS = 1000  # rows of a curve's CSV: enough for any screen
LEGIBLE_CLASSES = 25  # with more, the cells of a confusion matrix are too small for numbers


def of_classifier(outputs, targets, spec, decision, folder: Path) -> None:
    """Confusion and calibration; with a class to detect, precision and recall."""
    probabilities, predicted, labels = outputs.probabilities, outputs.predicted, spec.labels
    confusion(predicted, targets, labels, folder)
    calibration(probabilities, targets, labels, folder, spec.positive_id)
    if spec.positive is not None:
        positive, threshold = spec.positive_id, decision.threshold
        precision_recall(probabilities, predicted, targets, labels, positive, folder, threshold)


def confusion(predicted, targets, labels, folder: Path) -> None:
    """Confusion matrix: counts in the cells, colour by share of the actual class.

    plots/confusion.csv has one row per example (actual, predicted), for DVC's template.
    """
    _need_rows("confusion", targets)
    classes = len(labels)
    counts = np.bincount(np.asarray(targets) * classes + predicted, minlength=classes**2)
    counts = counts.reshape(classes, classes)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [style.cut(label, 24) for label in labels]

    def paint(figure):
        axes = figure.add_subplot()
        # By its square root, so that a confusion of 1 % of the rows is visible.
        image = axes.imshow(share, cmap=style.SEQUENTIAL, norm=PowerNorm(0.5, 0, 1))
        beside = axes.inset_axes((1.03, 0, 0.04, 1))
        percent = PercentFormatter(1, decimals=0, symbol=" %")
        figure.colorbar(image, cax=beside, label="share of the actual class", format=percent)
        beside.set_yticks([0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1])
        long = max(map(len, names)) > (12 if classes <= 3 else 8 if classes <= 6 else 2)
        axes.set_xticks(range(classes), names, rotation=90 if long else 0)
        axes.set_yticks(range(classes), names)
        axes.tick_params(length=0, labelsize=9 if classes <= LEGIBLE_CLASSES else 5)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set(xlabel="predicted", ylabel="actual")
        correct = np.trace(counts)
        axes.set_title(f"Confusion: {correct:,} of {len(targets):,} correct")
        if classes <= LEGIBLE_CLASSES:
            _annotate(axes, counts, share)

    side = float(np.clip(3.0 + 0.38 * classes, 4.2, 14))
    style.draw(folder / "figures/confusion.png", (side + 1.0, side), paint)
    pairs = ((str(labels[a]), str(labels[p])) for a, p in zip(targets, predicted, strict=True))
    style.write_csv(folder / "plots/confusion.csv", ("actual", "predicted"), pairs)


def _annotate(axes, counts, share) -> None:
    few = len(counts) <= 6
    for edge in np.arange(len(counts) - 1) + 0.5:
        axes.axhline(edge, color="white", lw=1.2)
        axes.axvline(edge, color="white", lw=1.2)
    for (row, column), count in np.ndenumerate(counts):
        part = share[row, column]
        text = f"{count:,}\n{100 * part:.1f} %" if few else f"{count}"
        colour = "white" if part > 0.35 else "#333333" if count else "#BBBBBB"
        size = 10 if few else 9.5 if len(counts) <= 12 else 7
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


def precision_recall(
    probabilities, predicted, targets, labels, positive: int, folder: Path, threshold=None
) -> None:
    """Precision against recall of the positive class at every threshold, and the operating point.

    The operating point is the precision and recall of `predicted`; `threshold` is for its label
    only. The CSV (threshold, recall, precision) is thinned to 1,000 points, ends included.

    Raises:
        UserError: `class-absent`, where no row is of the positive class and recall is undefined.
    """
    _need_rows("precision_recall", targets)
    name = style.cut(labels[positive], 24)
    actual, guessed = np.asarray(targets) == positive, np.asarray(predicted) == positive
    if not actual.any():
        message = f"no test row is of class {name!r}; use a test split that contains this class"
        raise UserError("class-absent", message, value=name)
    scores = np.asarray(probabilities)[:, positive]
    thresholds, hits, false_alarms = curve(scores, actual, np.ones((1, len(actual))))
    recall, precision = hits[0] / actual.sum(), hits[0] / (hits[0] + false_alarms[0])
    average = areas(hits, false_alarms)["pr_auc"][0]
    true_positives = (actual & guessed).sum()
    operating = (true_positives / actual.sum(), true_positives / max(guessed.sum(), 1))

    def paint(figure):
        axes = figure.add_subplot()
        corner = (np.append(0, recall), np.append(precision[0], precision))
        axes.plot(*corner, color=style.BLUE, drawstyle="steps-pre", label="model, all thresholds")
        chance = actual.mean()
        label = f"by chance: {chance:.3f}"
        axes.axhline(chance, color=style.GREY, ls="--", lw=1.2, label=label)
        at = "" if threshold is None else f" (threshold {threshold:.3g})"
        point = f"decisions{at}:\nprecision {operating[1]:.3f}, recall {operating[0]:.3f}"
        axes.plot(*operating, "o", ms=9, mfc=style.ORANGE, mec="white", label=point, clip_on=False)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.03))
        axes.set(xlabel=f"recall: share of {name} found", ylabel=f"precision: share truly {name}")
        axes.set_title(f"Precision and recall of {name}: average precision {average:.3f}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, chance + 0.01 if chance < 0.4 else 0.01))

    style.draw(folder / "figures/precision_recall.png", (6.4, 4.8), paint)
    thinned = np.unique(np.linspace(0, len(thresholds) - 1, CURVE_POINTS).round().astype(int))
    table = np.column_stack([thresholds, recall, precision]).astype(float)[thinned].tolist()
    columns = ("threshold", "recall", "precision")
    style.write_csv(folder / "plots/precision_recall.csv", columns, table)


def calibration(probabilities, targets, labels, folder: Path, positive=None, bins=10) -> None:
    """Reliability diagram: the share of correct predictions by predicted probability.

    Of the most probable class (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
    https://arxiv.org/abs/1706.04599), or of the `positive` class against the rest. Bins are equally
    wide; the expected calibration error is the mean gap, weighted by rows. Bars are 95 % Wilson
    intervals, which are wide for bins of few rows. The CSV has the bins that are not empty.
    """
    _need_rows("calibration", targets)
    probabilities, targets = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if positive is None:
        confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
        x_label, y_label = "confidence in the most probable class", "share correct"
    else:
        name = style.cut(labels[positive], 24)
        confidence, correct = probabilities[:, positive], targets == positive
        x_label, y_label = f"predicted probability of {name}", f"share truly {name}"
    table, error = reliability(confidence, correct, bins)
    mean, share, low, high = table[:, 2], table[:, 3], table[:, 4], table[:, 5]

    def paint(figure):
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        top.plot([0, 1], [0, 1], color=style.GREY, ls="--", lw=1.2, label="perfectly calibrated")
        reach = np.clip([share - low, high - share], 0, None)
        points = {"color": style.BLUE, "fmt": "o-", "lw": 1, "elinewidth": 1.6, "capsize": 3}
        top.errorbar(mean, share, yerr=reach, label="model, 95 % interval", **points)
        top.set(ylim=(-0.03, 1.03), ylabel=y_label)
        top.set_title(f"Calibration: expected calibration error {error:.3f} ({bins} bins)")
        top.legend(loc="best")
        middles, rows = (table[:, 0] + table[:, 1]) / 2, table[:, 6].astype(int)
        bars = bottom.bar(middles, rows, width=0.94 / bins, color=style.BLUE)
        bottom.bar_label(bars, [f"{n:,}" for n in rows], fontsize=8, padding=1)
        bottom.margins(y=0.25)  # room for the numbers
        bottom.grid(False, axis="x")
        bottom.set(xlim=(-0.02, 1.02), xlabel=x_label, ylabel="rows")
        bottom.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        figure.align_ylabels()

    style.draw(folder / "figures/calibration.png", (5.6, 6.0), paint)
    columns = ("bin_from", "bin_to", "predicted", "observed", "observed_low", "observed_high")
    rows = [(*row[:6], int(row[6])) for row in table.tolist()]
    style.write_csv(folder / "plots/calibration.csv", (*columns, "rows"), rows)


def reliability(confidence, correct, bins: int) -> tuple[np.ndarray, float]:
    """(filled bins, 7): from, to, mean confidence, share correct, Wilson bounds, rows; and ECE."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = np.bincount(place, minlength=bins)
    filled = rows > 0
    n = rows[filled]
    mean = np.bincount(place, weights=confidence, minlength=bins)[filled] / n
    share = np.bincount(place, weights=correct, minlength=bins)[filled] / n
    z2 = 1.959964**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    start = np.flatnonzero(filled)
    columns = (start / bins, (start + 1) / bins, mean, share, middle - half, middle + half, n)
    return np.column_stack(columns), float(np.sum(n * np.abs(share - mean)) / n.sum())


def _need_rows(what: str, rows) -> None:
    if not len(rows):
        raise ValueError(f"{what}: no rows")
