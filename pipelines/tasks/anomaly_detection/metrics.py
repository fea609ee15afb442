"""What a detector gives to the rows of a split, and the metrics that are computed from it.

Of the score alone, whatever the threshold:

    pr_auc                      area under precision over recall, by rows
    event_recall_at_1_per_1000  share of the events with an alarm at the lowest threshold at which
                                at most 1 of 1,000 normal rows is an alarm
    nab_*_swept                 NAB's profiles at the best threshold for this split, as NAB does

At the threshold that was fixed before test was opened:

    precision, recall, f1       of rows; f1 is to be read beside that of baseline_always
    f1_point_adjusted           of rows, where an event with one alarm counts as found in all its
                                rows: a random score is good at that (Kim et al. 2022), which is why
                                baseline_random is printed too
    false_alarm_rate            share of the normal rows that are alarms
    event_recall                share of the events with an alarm
    delay_steps                 from the first row of an event to its first alarm; mean over events
                                that have one
    nab_*                       NAB's three profiles, see nab.py

Reference: "Towards a Rigorous Evaluation of Time-Series Anomaly Detection", 2022,
https://arxiv.org/abs/2109.05257.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.classical.anomaly.precision_recall import average_precision, share
from pipelines.evaluation import bootstrap
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.tasks.anomaly_detection import levels, nab
from pipelines.tasks.anomaly_detection.levels import Levels

MIN_UNITS = 4
FALSE_ALARM_RATE = 1e-3
CHUNK = 128  # weightings at once


@dataclass(frozen=True)
class Outputs:
    """What a detector gives to the n rows of a split.

    Args:
        score: (n,), the higher the less normal.
        anomaly: (n,) bool, whether it is an alarm.
        selection: the settings that validation selected, for people; "" where there are none.
        expected: (n, C) the expected readings, where the detector has any; for figures, not saved.
        contribution: (n, C) of each column to the score; the same.
        threshold: of the score; the same.
    """

    score: np.ndarray
    anomaly: np.ndarray
    selection: str = ""
    expected: np.ndarray | None = None
    contribution: np.ndarray | None = None
    threshold: float | None = None

    def save(self, folder: Path) -> None:
        arrays.write(folder, {"score": self.score, "anomaly": self.anomaly.astype(np.uint8)})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        saved = arrays.read(folder)
        return cls(np.asarray(saved["score"]), np.asarray(saved["anomaly"]) > 0)


def weights(rows: int, resamples: int = 1000, *, seed, spec: DataSpec) -> np.ndarray:
    """(1 + resamples, rows): whole streams, or parts with an event each, are drawn together.

    Of fewer than MIN_UNITS of them no resample.
    """
    lengths = spec.task_metadata["resampled"]
    return bootstrap.weights_of_units(
        lengths, resamples if len(lengths) >= MIN_UNITS else 0, seed=seed
    )


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting, (b,) each."""
    lengths = spec.task_metadata["resampled"]
    unit = np.repeat(np.arange(len(lengths)), lengths)
    event, stream = np.asarray(test["event"]), np.asarray(test["stream"])
    by_unit = weights[:, np.cumsum([0, *lengths[:-1]])].astype(np.float64)
    ranked = levels.of_scores(np.asarray(outputs.score, np.float64), event, stream, unit)
    alarm = np.asarray(outputs.anomaly)
    fixed = levels.of_alarms(alarm, event, stream, unit)
    chunks = [by_unit[start : start + CHUNK] for start in range(0, len(by_unit), CHUNK)]
    parts = [_ranked(ranked, chunk) | _fixed(fixed, chunk) for chunk in chunks]
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    adjusted = levels.of_alarms(point_adjusted(alarm, event), event, stream, unit)
    counts = (by_unit @ counted for counted in (adjusted.hits, adjusted.alarms))
    values["f1_point_adjusted"] = _f1(*(c[:, 0] for c in counts), by_unit @ adjusted.positives)
    return values | _delay(alarm, event, unit, by_unit)


def _ranked(at: Levels, by_unit: np.ndarray) -> dict[str, np.ndarray]:
    """Of the score at all its levels; by_unit: (b, u)."""
    hits, alarms = by_unit @ at.hits, by_unit @ at.alarms  # (b, k)
    positives, events = by_unit @ at.positives, by_unit @ at.events
    negatives = by_unit @ at.rows - positives
    allowed = alarms - hits <= FALSE_ALARM_RATE * negatives[:, None]
    # Levels descend, so false alarms only grow: the last level that is allowed finds the most.
    last = np.maximum(allowed.sum(axis=1) - 1, 0)
    detected = np.take_along_axis(by_unit @ at.detected, last[:, None], axis=1)[:, 0]
    detected = np.where(allowed.any(axis=1), detected, 0)
    swept = _nab(at, by_unit)
    return {
        "pr_auc": average_precision(hits, alarms, positives),
        "event_recall_at_1_per_1000": share(detected, events),
        # Without any alarm, too: a detector may be best silent.
        **{f"nab_{name}_swept": np.fmax(v.max(axis=1), 0 * v[:, 0]) for name, v in swept.items()},
    }


def _fixed(at: Levels, by_unit: np.ndarray) -> dict[str, np.ndarray]:
    """Of alarms; there is one level."""
    hits, alarms, detected = ((by_unit @ c)[:, 0] for c in (at.hits, at.alarms, at.detected))
    positives, events = by_unit @ at.positives, by_unit @ at.events
    return {
        "precision": share(hits, alarms),
        "recall": share(hits, positives),
        "f1": _f1(hits, alarms, positives),
        "false_alarm_rate": share(alarms - hits, by_unit @ at.rows - positives),
        "event_recall": share(detected, events),
        **{f"nab_{name}": values[:, 0] for name, values in _nab(at, by_unit).items()},
    }


def _nab(at: Levels, by_unit: np.ndarray) -> dict[str, np.ndarray]:
    """Profile -> (b, k), 0 without alarms and 100 at best; NaN without an event."""
    events = (by_unit @ at.events)[:, None]
    detected, outside = by_unit @ at.detected, by_unit @ at.worth_outside
    earned = by_unit @ at.worth_detected
    values = {}
    for name, weight in nab.PROFILES.items():
        raw = weight.true_positive * earned - weight.false_negative * (events - detected)
        raw = raw + weight.false_positive * outside
        silent, perfect = -weight.false_negative * events, weight.true_positive * events
        values[name] = 100 * share(raw - silent, perfect - silent)
    return values


def _delay(alarm, event, unit, by_unit) -> dict[str, np.ndarray]:
    delays, detected = np.zeros(by_unit.shape[1]), np.zeros(by_unit.shape[1])
    for name in np.unique(event[event >= 0]):
        rows = np.flatnonzero(event == name)
        if alarm[rows].any():
            delays[unit[rows[0]]] += int(alarm[rows].argmax())
            detected[unit[rows[0]]] += 1
    return {"delay_steps": share(by_unit @ delays, by_unit @ detected)}


def point_adjusted(alarm: np.ndarray, event: np.ndarray) -> np.ndarray:
    """(n,) alarms, spread to all rows of an event in which there is one."""
    detected = np.unique(event[(event >= 0) & alarm])
    return alarm | np.isin(event, detected)


def _f1(hits, alarms, positives) -> np.ndarray:
    """2 hits / (alarms + positives)."""
    return share(2 * hits, alarms + positives)
