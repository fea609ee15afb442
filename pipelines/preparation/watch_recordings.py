"""Recordings of movements at the wrist, as the package seglearn has them (BSD-3).

140 recordings of seven exercises of the shoulder, by 10 people with both arms: acceleration and
angular velocity along three axes each, 50 readings a second.

Reference: Burns et al., "Shoulder physiotherapy exercise recognition: machine learning the inertial
signals from a smartwatch", 2018, https://doi.org/10.1088/1361-6579/aacfd9.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import restricted_pickle

FILE = "watch_dataset.npy"
READINGS_A_SECOND = 50
UNITS = {
    "acceleration_x": "m/s2", "acceleration_y": "m/s2", "acceleration_z": "m/s2",
    "rotation_x": "rad/s", "rotation_y": "rad/s", "rotation_z": "rad/s",
}  # fmt: skip
SIDES = ("left", "right")
Exercise = Literal["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"]
NAMES = {
    "PEN": "pendulum", "ABD": "abduction", "FEL": "forward elevation", "IR": "internal rotation",
    "ER": "external rotation", "TRAP": "trapezius extension", "ROW": "upright row",
}  # fmt: skip


class WatchRecording(NamedTuple):
    """values: (rows, 6) float64, in the order of UNITS."""

    person: int
    side: str
    exercise: str
    values: np.ndarray


def read(raw: Path, every: int = 1) -> list[WatchRecording]:
    """All recordings, in the order of the file.

    Args:
        raw: the file, or the folder that holds it.
        every: keep every so many readings, as means.

    Raises:
        UserError: not seglearn's file.
    """
    path = raw / FILE if raw.is_dir() else raw
    data = restricted_pickle.load_object(path)
    missing = {"X", "y", "subject", "side", "y_labels"} - set(data)
    if missing:
        raise UserError(
            "array-missing", f"not seglearn's watch data: no {', '.join(sorted(missing))}; correct "
            "`source`", path=path, value=sorted(missing)[0],
        )  # fmt: skip
    recordings = []
    columns = (data[name] for name in ("X", "y", "subject", "side"))
    for values, label, person, side in zip(*columns, strict=True):
        whole = len(values) // every * every
        means = values[:whole].reshape(-1, every, values.shape[1]).mean(axis=1)
        exercise = data["y_labels"][int(label)]
        recordings.append(WatchRecording(int(person), SIDES[int(side)], exercise, means))
    return recordings
