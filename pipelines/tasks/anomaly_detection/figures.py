"""Figures of a detector, each with its numbers in plots/*.csv.

Events are shaded in orange in all of them; alarms are drawn in the same colour.
"""

from pathlib import Path

import numpy as np

from pipelines.classical.anomaly.precision_recall import average_precision, counts_by_level
from pipelines.figures import style
from pipelines.spec import DataSpec
from pipelines.tasks.anomaly_detection.metrics import Outputs

MAX_ROWS = 1200  # of the stream that is drawn
BINS = 60
MAX_EVENTS, MAX_COLUMNS = 40, 12  # of the heat map
TINY = 1e-6  # the lowest score on a logarithmic axis


def draw(outputs: Outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Series with score and events, scores, precision and recall, contributions, delays."""
    event = np.asarray(test["event"])
    score = np.asarray(outputs.score, np.float64)
    rows = longest_with_events(event, np.asarray(test["stream"]))
    series(outputs, score, test, rows, spec, folder)
    histogram(score, event >= 0, outputs.threshold, folder)
    if (event >= 0).any():
        precision_recall(score, event >= 0, outputs.anomaly, folder)
        delays(np.asarray(outputs.anomaly), event, folder)
        if outputs.contribution is not None:
            contributions(outputs.contribution, event, test["place"], spec, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """The same."""
    draw(outputs, test, spec, decision, folder, None)


def longest_with_events(event: np.ndarray, stream: np.ndarray) -> slice:
    """The MAX_ROWS consecutive rows of one stream with the most events."""
    starts = np.flatnonzero(np.diff(event, prepend=-1) * (event >= 0))
    best, most = slice(0, 1), -1
    for number in np.unique(stream):
        first, last = np.flatnonzero(stream == number)[[0, -1]]
        inside = starts[(starts >= first) & (starts <= last)]
        for begin in {int(first), *(max(int(first), int(s) - MAX_ROWS // 8) for s in inside)}:
            end = min(int(last) + 1, begin + MAX_ROWS)
            count = int(((inside >= begin) & (inside < end)).sum())
            if count > most:
                best, most = slice(begin, end), count
    return best


def series(
    outputs: Outputs, score: np.ndarray, test: dict, rows: slice, spec: DataSpec, folder: Path
) -> None:
    """Readings and expected ones of the column that contributes most, and the score below."""
    last = np.asarray(test["history"][rows, -1])
    column = 0
    if outputs.contribution is not None:
        inside = np.asarray(test["event"][rows]) >= 0
        column = int(outputs.contribution[rows][inside if inside.any() else ...].sum(0).argmax())
    name, unit = spec.task_metadata["columns"][column], spec.task_metadata["units"][column]
    steps, alarm = np.arange(len(last)), np.asarray(outputs.anomaly[rows])
    shown = np.maximum(score[rows], TINY)

    def paint(figure):
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        for axes in (above, below):
            _shade(axes, np.asarray(test["event"][rows]))
        above.plot(steps, last[:, column], color="black", lw=1, label="reading")
        if outputs.expected is not None:
            above.plot(steps, outputs.expected[rows, column], color=style.BLUE, lw=1,
                       label="expected")  # fmt: skip
        above.set_ylabel(f"{name}, {unit}")
        handles, names = above.get_legend_handles_labels()
        below.plot(steps, shown, color=style.GREY, lw=1, label="score")
        below.plot(steps[alarm], shown[alarm], ".", color=style.ORANGE, ms=4, label="alarm")
        if outputs.threshold is not None:
            below.axhline(outputs.threshold, color=style.GREEN, ls="--", lw=1.2, label="threshold")
        below.set(yscale="log", ylabel="score", xlabel=f"readings from {test['place'][rows.start]}")
        style.plain_numbers(below.yaxis)
        more, texts = below.get_legend_handles_labels()
        figure.legend(handles + more, names + texts, loc="outside lower center", ncols=6)
        above.set_title(f"{name}; events shaded")

    style.draw(folder / "figures/series.png", (10, 5.2), paint)
    table = zip(
        [test["place"][row] for row in range(*rows.indices(len(score)))],
        test["event"][rows].tolist(), last[:, column].tolist(), score[rows].tolist(),
        alarm.astype(int).tolist(), strict=True,
    )  # fmt: skip
    columns = ("place", "event", name, "score", "alarm")
    style.write_csv(folder / "plots/series.csv", columns, table)


def _shade(axes, event: np.ndarray) -> None:
    for number in np.unique(event[event >= 0]):
        inside = np.flatnonzero(event == number)
        axes.axvspan(inside[0] - 0.5, inside[-1] + 0.5, color=style.ORANGE, alpha=0.18, lw=0)


def histogram(score: np.ndarray, labels: np.ndarray, threshold: float | None, folder: Path) -> None:
    """Scores of normal rows and of events, with the threshold: what is above it is an alarm."""
    known = np.where(np.isfinite(score), np.maximum(score, TINY), TINY)
    edges = np.geomspace(known.min(), max(known.max(), 2 * known.min()), BINS + 1)
    rows_of = {"normal": ~labels, "event": labels}
    counts = {name: np.histogram(known[rows], edges)[0] for name, rows in rows_of.items()}

    def paint(figure):
        axes = figure.subplots()
        for (name, values), colour in zip(counts.items(), (style.BLUE, style.ORANGE), strict=True):
            axes.stairs(values / max(1, values.sum()), edges, color=colour, fill=True, alpha=0.45,
                        label=f"{name}: {values.sum():,} rows")  # fmt: skip
        if threshold is not None:
            axes.axvline(threshold, color=style.GREEN, ls="--", label=f"threshold {threshold:.3g}")
        axes.set(xscale="log", xlabel="score", ylabel="share of the rows")
        style.plain_numbers(axes.xaxis)
        axes.set_title("Scores of normal rows and of events")
        axes.legend(loc="best")

    style.draw(folder / "figures/score_histogram.png", (7.2, 4.2), paint)
    rows = zip(
        edges[:-1].tolist(), edges[1:].tolist(), *(c.tolist() for c in counts.values()), strict=True
    )
    style.write_csv(folder / "plots/score_histogram.csv", ("from", "to", *counts), rows)


def precision_recall(score: np.ndarray, labels: np.ndarray, alarm, folder: Path) -> None:
    """The curve, the point of the threshold, and the line of a score that says nothing."""
    hits, alarms = counts_by_level(np.where(np.isnan(score), np.inf, score), labels)
    recall, precision, prevalence = hits / labels.sum(), hits / alarms, labels.mean()
    area = float(average_precision(hits, alarms, labels.sum()))
    alarm = np.asarray(alarm)

    def paint(figure):
        axes = figure.subplots()
        axes.step(100 * recall, 100 * precision, where="post", color=style.BLUE, label="score")
        axes.axhline(100 * prevalence, color=style.GREY, ls="--", lw=1.2,
                     label=f"always an alarm: {prevalence:.1%}")  # fmt: skip
        if alarm.any():
            point = 100 * alarm[labels].mean(), 100 * labels[alarm].mean()
            axes.plot(*point, "o", color=style.GREEN, label="at the threshold")
        axes.set(
            xlabel="recall, percent", ylabel="precision, percent", xlim=(0, 101), ylim=(0, 101)
        )
        axes.set_title(f"Precision and recall of rows; area {area:.1%}")
        axes.legend(loc="best")

    style.draw(folder / "figures/precision_recall.png", (6, 4.6), paint)
    thinned = np.unique(np.linspace(0, len(hits) - 1, 500).astype(int))
    rows = zip(recall[thinned].tolist(), precision[thinned].tolist(), strict=True)
    style.write_csv(folder / "plots/precision_recall.csv", ("recall", "precision"), rows)


def delays(alarm: np.ndarray, event: np.ndarray, folder: Path) -> None:
    """Readings from the first one of an event to its first alarm."""
    delays_of, lengths = [], []
    for number in np.unique(event[event >= 0]):
        inside = alarm[event == number]
        lengths.append(len(inside))
        delays_of.append(int(inside.argmax()) if inside.any() else None)
    known = [delay for delay in delays_of if delay is not None]

    def paint(figure):
        axes = figure.subplots()
        if known:
            bins = np.linspace(0, max(*known, 1), min(max(*known, 1), 30) + 1)
            axes.hist(known, bins=bins, color=style.BLUE)
            axes.axvline(np.median(known), color=style.GREY, ls="--", lw=1.2,
                         label=f"median {np.median(known):g}")  # fmt: skip
            axes.legend(loc="best")
        axes.set(xlabel="readings until the first alarm", ylabel="events")
        axes.set_title(f"Delay of {len(known)} events; {len(delays_of) - len(known)} not found")

    style.draw(folder / "figures/delays.png", (6.4, 4), paint)
    rows = zip(range(len(delays_of)), lengths, delays_of, strict=True)
    style.write_csv(folder / "plots/delays.csv", ("event", "readings", "delay"), rows)


def contributions(
    contribution: np.ndarray, event: np.ndarray, places, spec: DataSpec, folder: Path
) -> None:
    """Which columns make the score of each event, as shares; the columns that do so most."""
    numbers = np.unique(event[event >= 0])
    sums = np.stack([contribution[event == number].sum(axis=0) for number in numbers])
    shares = sums / np.maximum(sums.sum(axis=1, keepdims=True), TINY)  # (events, C)
    columns = np.sort(np.argsort(-shares.mean(axis=0), kind="stable")[:MAX_COLUMNS])
    names = [spec.task_metadata["columns"][column] for column in columns]
    first = [places[int(np.flatnonzero(event == number)[0])] for number in numbers]
    drawn = min(len(numbers), MAX_EVENTS)

    def paint(figure):
        axes = figure.subplots()
        image = axes.imshow(
            100 * shares[:drawn, columns].T, aspect="auto", cmap=style.SEQUENTIAL, vmin=0, vmax=100
        )
        axes.set_yticks(range(len(names)), [style.cut(name, 24) for name in names])
        axes.set_xlabel(f"event, {drawn} of {len(numbers)}")
        axes.grid(False)
        figure.colorbar(image, ax=axes, label="percent of the score")
        axes.set_title("Contribution of each column to the score of events")

    style.draw(folder / "figures/contributions.png", (8.4, 1.8 + 0.32 * len(names)), paint)
    rows = [
        (int(number), place, *row.tolist())
        for number, place, row in zip(numbers, first, shares[:, columns], strict=True)
    ]
    style.write_csv(folder / "plots/contributions.csv", ("event", "from", *names), rows)
