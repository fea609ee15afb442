"""Baselines of anomaly detection. All but the matrix profile see what a model sees.

- never, always: no row is an alarm, every one is.
- random: a random score, which alarms at as many rows as 1 of 100.
- matrix_profile: distance to the most similar window earlier in the stream; see
  pipelines/classical/anomaly/matrix_profile.py. Left out of streams whose profile would take
  minutes.
- difference, windowed_gaussian, seasonal_median, autoregression, pca: the candidates of the
  experiment that the block of baselines names, see models/classical/detectors.py.
- best: what that experiment says.
"""

from collections.abc import Iterator

import numpy as np

from pipelines.classical.anomaly.matrix_profile import left_profile
from pipelines.classical.anomaly.residuals import threshold_of
from pipelines.evaluation import strong_baselines
from pipelines.spec import DataSpec
from pipelines.tasks.anomaly_detection.metrics import Outputs

RANDOM_ALARMS = 0.01
MAX_PROFILE_STEPS = 4e9  # additions: about a minute
FALSE_ALARMS_PER_1000 = 1.0


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong=None
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time. seed: of the random score."""
    rows = len(test["event"])
    no, yes = np.zeros(rows, bool), np.ones(rows, bool)
    yield "baseline_never", Outputs(no.astype(np.float32), no)
    yield "baseline_always", Outputs(yes.astype(np.float32), yes)
    noise = np.random.default_rng(seed).random(rows)
    yield "baseline_random", Outputs(noise.astype(np.float32), noise > 1 - RANDOM_ALARMS)
    if strong is None:
        return
    if profile_steps(val, test, spec) <= MAX_PROFILE_STEPS:
        yield "baseline_matrix_profile", matrix_profile(val, test, spec)
    else:
        print("baseline_matrix_profile: left out; it would take minutes for streams so long")
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)
    yield "baseline_best", strong_baselines.predict(strong, test, spec, Outputs)


def matrix_profile(val: dict, test: dict, spec: DataSpec) -> Outputs:
    """Of windows of half the history; the threshold is a quantile of val's normal rows."""
    length = max(3, spec.inputs["history"].shape[0] // 2)
    on_val, score = (profiles(columns, length) for columns in (val, test))
    threshold = threshold_of(on_val[np.asarray(val["event"]) < 0], FALSE_ALARMS_PER_1000)
    score = score.astype(np.float32)
    return Outputs(score, score > np.float32(threshold), f"windows of {length} readings")


def profiles(columns: dict, length: int) -> np.ndarray:
    """(n,) the left profile of each stream, after the readings that its first window has."""
    history, stream = columns["history"], np.asarray(columns["stream"])
    values = []
    for number in np.unique(stream):
        rows = np.flatnonzero(stream == number)
        known = np.asarray(history[rows[0]], np.float64)
        last = np.asarray(history[rows[1:], -1], np.float64)
        values.append(left_profile(np.concatenate([known, last]), length)[len(known) - 1 :])
    return np.concatenate(values)


def profile_steps(val: dict, test: dict, spec: DataSpec) -> float:
    """The additions that profiles take: columns times the squares of the streams' lengths."""
    lengths = [np.unique(c["stream"], return_counts=True)[1] for c in (val, test)]
    return spec.outputs * float(np.square(np.concatenate(lengths).astype(float)).sum())
