"""Fits to fewer rows: which rows those are, and one small experiment from end to end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.learning_curve import Shared, classifies
from pipelines.storage import arrays
from tests.support.sizes import nightly
from tests.support.user_errors import user_error

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prepared(tmp_path):
    for part, rows in (("train", 81), ("val", 10)):
        columns = {"words": np.arange(rows * 2).reshape(rows, 2), "label": np.arange(rows)}
        arrays.write(tmp_path / "repeat0" / part, {**columns, "text": ["one"] * rows})
    return tmp_path


def test_a_share_contains_the_smaller_ones(prepared):
    shares = [Shared(0, 1, share).load(prepared, "train") for share in (8, 4, 2, 1)]
    assert [len(part["label"]) for part in shares] == [10, 20, 40, 81]
    for smaller, larger in zip(shares, shares[1:], strict=False):
        assert set(smaller["label"]) < set(larger["label"])


def test_rows_stay_whole(prepared):
    part = Shared(0, 1, 4).load(prepared, "train")
    assert (part["words"][:, 0] == 2 * part["label"]).all()


def test_another_seed_draws_other_rows(prepared):
    one, other = (Shared(0, seed, 4).load(prepared, "train")["label"] for seed in (1, 2))
    assert set(one) != set(other)


def test_val_is_whole(prepared):
    assert len(Shared(0, 1, 8).load(prepared, "val")["label"]) == 10


def test_an_experiment_without_accuracy_is_refused_before_anything_is_fitted():
    with user_error("task-without-accuracy", key="experiments.etth1_96_gru", value="forecasting"):
        classifies(Path("benchmarks/params.yaml"), "etth1_96_gru")


@nightly
@pytest.mark.slow
def test_one_experiment(built, tmp_path):
    project = built.copy(tmp_path / "project")
    command = [sys.executable, "-m", "benchmarks.learning_curve", "tiny_cnn"]
    done = subprocess.run(
        [*command, "--params", "params.yaml"], cwd=project.folder, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[-4:]]
    sizes = [int(row[0].replace(",", "")) for row in rows]
    assert sizes == [sizes[-1] // share for share in (8, 4, 2, 1)]
    assert all(0 <= float(row[2]) <= 1 for row in rows)
