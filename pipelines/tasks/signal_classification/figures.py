"""Figures of a classifier of signals, each with its numbers in plots/*.csv."""

from pathlib import Path

import keras
import numpy as np

from pipelines.classical import spectra
from pipelines.classical.spectra import Frames
from pipelines.figures import classification, errors, style
from pipelines.spec import DataSpec
from pipelines.tasks.signal_classification.metrics import of_recordings

RESPONSE_POINTS = 256  # of a filter's frequency response
MOST_FILTERS, MOST_COLUMNS = 64, 6
SHOWN_SECONDS = 60.0


def draw(outputs, test: dict, spec: DataSpec, decision, folder: Path, model) -> None:
    """Those of `draw_estimator`, and the frequency response of the first filters."""
    draw_estimator(outputs, test, spec, decision, folder, model)
    responses(model, spec, folder)


def draw_estimator(outputs, test: dict, spec: DataSpec, decision, folder: Path, estimator) -> None:
    """Confusion, calibration, confident errors, bars of groups, the answer over time."""
    targets = np.asarray(test[spec.target.name])
    classification.of_classifier(outputs, targets, spec, decision, folder)
    errors.mistakes(
        {"place": test["place"]}, outputs.probabilities, outputs.predicted, targets, spec.labels,
        folder,
    )  # fmt: skip
    if (np.asarray(test["group"]) >= 0).all():
        bars_by_group(outputs, test, spec, folder)
    over_time(outputs, test, spec, folder)


def bars_by_group(outputs, test: dict, spec: DataSpec, folder: Path) -> None:
    """Accuracy of windows and of recordings for each person, speaker or machine of test."""
    group, targets = np.asarray(test["group"]), np.asarray(test[spec.target.name])
    _, answered, first = of_recordings(outputs.probabilities, test["recording"])
    by_window, by_recording = outputs.predicted == targets, answered == targets[first]
    rows = [
        (spec.task_metadata["groups"][number], int((group == number).sum()),
         float(by_window[group == number].mean()),
         float(by_recording[group[first] == number].mean()))
        for number in np.unique(group)
    ]  # fmt: skip
    rows.sort(key=lambda row: row[2])
    names, _, windows, recordings = zip(*rows, strict=True)
    places = np.arange(len(rows))

    def paint(figure):
        axes = figure.subplots()
        axes.barh(places, 100 * np.array(windows), color=style.BLUE, height=0.6, label="windows")
        axes.plot(100 * np.array(recordings), places, "D", color=style.ORANGE, label="recordings")
        axes.axvline(100 * by_window.mean(), color=style.GREY, ls="--", lw=1.2,
                     label=f"all windows: {by_window.mean():.1%}")  # fmt: skip
        axes.set_yticks(places, [style.cut(name, 24) for name in names])
        axes.set(xlim=(0, 102), xlabel="accuracy, %")
        axes.set_title("Accuracy of each group of test, the worst one below")
        figure.legend(loc="outside lower center", ncols=3)

    style.draw(folder / "figures/groups.png", (7.2, 1.6 + 0.34 * len(rows)), paint)
    columns = ("group", "windows", "accuracy", "recording_accuracy")
    style.write_csv(folder / "plots/groups.csv", columns, rows)


def over_time(outputs, test: dict, spec: DataSpec, folder: Path) -> None:
    """One recording, its spectrum where it is a sound, and the probabilities of its windows."""
    rows = shown_rows(outputs, test, spec)
    rate_hz, hop = spec.task_metadata["rate_hz"], spec.task_metadata["hop_steps"]
    windows = np.asarray(test["signal"][rows])
    length = windows.shape[1]
    signal = np.concatenate([*windows[:-1, :hop], windows[-1]])
    probabilities = np.asarray(outputs.probabilities[rows], np.float64)
    begin = np.arange(len(windows)) * hop / rate_hz
    target = int(np.asarray(test[spec.target.name])[rows.start])
    name = test["place"][rows.start].rpartition(",")[0]
    is_sound = spec.inputs["signal"].kind == "audio"

    def paint(figure):
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        if is_sound:
            _spectrogram(above, signal[:, 0], rate_hz)
        else:
            _lines(above, signal, spec)
        above.set_title(style.cut(f"{name}: {spec.labels[target]}", 70))
        edges = np.append(begin, begin[-1] + (hop if len(begin) > 1 else length) / rate_hz)
        below.pcolormesh(edges, np.arange(spec.outputs + 1) - 0.5, probabilities.T, vmin=0, vmax=1,
                         cmap=style.SEQUENTIAL)  # fmt: skip
        middle = (edges[1:] + edges[:-1]) / 2
        below.plot(middle, outputs.predicted[rows], "o", color=style.ORANGE, ms=4, label="answer")
        below.axhline(target, color=style.GREEN, ls="--", lw=1.2, label="true class")
        below.set_yticks(range(spec.outputs), [style.cut(label, 20) for label in spec.labels])
        below.grid(False)
        below.set(xlabel="seconds, from the beginning of the first window")
        figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    size = (9.5, 3.6 + 0.2 * spec.outputs)
    style.draw(folder / "figures/over_time.png", size, paint)
    table = zip(
        begin.tolist(), [spec.labels[p] for p in outputs.predicted[rows]],
        probabilities.max(axis=1).tolist(), strict=True,
    )  # fmt: skip
    style.write_csv(folder / "plots/over_time.csv", ("seconds", "answer", "probability"), table)


def shown_rows(outputs, test: dict, spec: DataSpec) -> slice:
    """The rows of the longest recording; of those, of the one with the most different answers."""
    recording = np.asarray(test["recording"])
    _, first, counts = np.unique(recording, return_index=True, return_counts=True)
    most = max(1, int(SHOWN_SECONDS * spec.task_metadata["rate_hz"]
                      / spec.task_metadata["hop_steps"]))  # fmt: skip
    shown = np.minimum(counts, most)
    different = [len(set(outputs.predicted[f : f + n].tolist()))
                 for f, n in zip(first, shown, strict=True)]  # fmt: skip
    best = max(range(len(first)), key=lambda number: (shown[number] > 1, different[number],
                                                      shown[number]))  # fmt: skip
    return slice(int(first[best]), int(first[best] + shown[best]))


def _spectrogram(axes, samples: np.ndarray, rate_hz: float) -> None:
    frames = Frames.of(rate_hz, len(samples))
    mels = spectra.log_mel(samples[None], frames)[0]  # (F, bands)
    end = len(mels) * frames.hop / rate_hz
    axes.imshow(mels.T, origin="lower", aspect="auto", extent=(0, end, 0, frames.bands),
                cmap="magma", vmin=np.quantile(mels, 0.05))  # fmt: skip
    axes.grid(False)
    axes.set_ylabel("mel band")


def _lines(axes, signal: np.ndarray, spec: DataSpec) -> None:
    seconds = np.arange(len(signal)) / spec.task_metadata["rate_hz"]
    scaled = (signal - spec.task_metadata["centre"]) / spec.task_metadata["scale"]
    for column in range(min(MOST_COLUMNS, signal.shape[1])):
        axes.plot(seconds, scaled[:, column], lw=1, label=spec.task_metadata["columns"][column])
    axes.set_ylabel("standard deviations")
    axes.legend(loc="upper right", ncols=3, fontsize=7)


def responses(model, spec: DataSpec, folder: Path) -> None:
    """Which frequencies the filters of the first convolution along time let through."""
    first = next((one for one in model.layers if isinstance(one, keras.layers.Conv1D)), None)
    if first is None:
        return
    kernel = np.asarray(keras.ops.convert_to_numpy(first.kernel), np.float64)[..., :MOST_FILTERS]
    spectrum = np.abs(np.fft.rfft(kernel, 2 * RESPONSE_POINTS, axis=0))  # (points, C, filters)
    power = np.sqrt(np.square(spectrum).sum(axis=1))  # over columns
    power /= power.max(axis=0)
    hertz = np.fft.rfftfreq(2 * RESPONSE_POINTS, 1 / spec.task_metadata["rate_hz"])
    order = np.argsort(power.argmax(axis=0), kind="stable")

    def paint(figure):
        axes = figure.subplots()
        image = axes.imshow(power[:, order].T, aspect="auto", origin="lower", cmap="magma", vmin=0,
                            extent=(0, hertz[-1], 0, len(order)))  # fmt: skip
        figure.colorbar(image, ax=axes, label="of its own highest")
        axes.grid(False)
        axes.set(xlabel="Hz", ylabel="filter, by the frequency of its peak")
        axes.set_title(f"Frequency response of the first {len(order)} filters")

    style.draw(folder / "figures/filter_responses.png", (7.2, 4.6), paint)
    peaks = ((int(n), float(hertz[power[:, n].argmax()])) for n in order)
    style.write_csv(folder / "plots/filter_responses.csv", ("filter", "peak_hz"), peaks)
