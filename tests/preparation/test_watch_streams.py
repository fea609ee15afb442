"""Spliced streams, and pickles that may name nothing but arrays."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.datasets import watch_streams
from pipelines.preparation import restricted_pickle
from pipelines.preparation.event_streams import NORMAL
from pipelines.storage import arrays
from tests.support.user_errors import user_error

EXERCISES = ["PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW"]


class Shell:
    def __reduce__(self):
        return os.system, ("touch ran",)


def write(path: Path, value) -> Path:
    np.save(path, np.array(value, object), allow_pickle=True)
    return path


def watch_data(people=5) -> dict:
    """Of each person, arm and exercise 400 readings that are the number of the exercise."""
    keys = [(p, s, e) for p in range(people) for s in (0.0, 1.0) for e in range(len(EXERCISES))]
    rng = np.random.default_rng(1)
    return {
        "X": [e + rng.normal(0, 0.01, (400, 6)) for _, _, e in keys],
        "y": np.array([e for _, _, e in keys]), "subject": np.array([p for p, _, _ in keys]),
        "side": np.array([s for _, s, _ in keys]), "y_labels": EXERCISES,
    }  # fmt: skip


def test_a_pickle_of_arrays_is_read(tmp_path):
    path = write(tmp_path / "a.npy", {"X": [np.arange(3.0)], "y_labels": ["PEN"]})
    loaded = restricted_pickle.load_object(path)
    assert loaded["X"][0].tolist() == [0, 1, 2] and loaded["y_labels"] == ["PEN"]


@pytest.mark.parametrize("value", [{"X": Shell()}, {"X": Path("a")}])
def test_a_pickle_that_names_anything_else_runs_nothing(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "a.npy", value)
    with user_error("pickle-refused", path=str(path)):
        restricted_pickle.load_object(path)
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"not numpy", b"\x93NUMPY\x01\x00"])
def test_another_file_is_refused(content, tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with user_error("pickle-refused"):
        restricted_pickle.load_object(path)


def test_people_are_apart_and_events_are_other_exercises(tmp_path):
    write(tmp_path / "watch_dataset.npy", watch_data())
    options = watch_streams.Options(
        normal="FEL", history_steps=8, stride=1, split={"val": 1, "test": 2}
    )
    (tmp_path / "out").mkdir()
    spec = watch_streams.prepare(options, tmp_path, tmp_path / "out", 1)
    people = {
        split: {name.split(",")[0] for name in names}
        for split, names in spec.task_metadata["streams"].items()
    }
    assert len(people["train"]) == len(people["test"]) == 2 and len(people["val"]) == 1
    assert len(set.union(*people.values())) == 5
    test = arrays.read(tmp_path / "out/repeat0/test")
    event, last = np.asarray(test["event"]), np.asarray(test["history"][:, -1, 0])
    assert spec.task_metadata["events"]["test"] == 4 * 4 == len(np.unique(event[event >= 0]))
    assert np.abs(last[event == NORMAL] - 2).max() < 0.1  # FEL has the number 2
    for number in np.unique(event[event >= 0]):
        inside = last[event == number]
        assert 10 <= len(inside) <= 40
        assert abs(inside[len(inside) // 2] - 2) > 0.9  # another exercise
        assert abs(inside[0] - 2) < abs(inside[len(inside) // 2] - 2)  # faded in


def test_too_many_people_are_refused(tmp_path):
    write(tmp_path / "watch_dataset.npy", watch_data(people=3))
    options = watch_streams.Options(split={"val": 1, "test": 2})
    with user_error("split-size", key="split", value=3):
        watch_streams.prepare(options, tmp_path, tmp_path / "out", 1)
