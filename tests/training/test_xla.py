"""The table of what XLA gains; the measuring itself on one small experiment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.spec import Target
from tests.support.sizes import nightly

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import xla  # noqa: E402

MACHINE = {"processor": "Some CPU", "cores": "2", "date": "2026-01-31"}
FOUND = {
    "off": {"examples_per_s": 200.0, "first_epoch_s": 1.0, "rows": 10, "training_rows": 1010},
    "on": {"examples_per_s": 350.4, "first_epoch_s": 9.96, "rows": 10, "training_rows": 1010},
    "ratio": 1.752,
}


def test_the_table_by_hand():
    text = xla.table(MACHINE, {"spam_cnn": FOUND})
    cells = [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]
    assert cells == ["`spam_cnn`", "200", "350", "1.75", "6.0", "12.8"]
    assert text.endswith("2026-01-31, 2 cores of Some CPU.")


def test_a_model_that_keras_does_not_compile_has_one_side():
    text = xla.table(MACHINE, {"digits_cnn": {"off": FOUND["off"]}})
    assert "not compiled" in text.splitlines()[2]


def test_the_page_keeps_what_stands_around_the_table(tmp_path, monkeypatch, capsys):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{xla.BEGIN}\nold\n{xla.END}\nafter\n")
    monkeypatch.setattr(xla, "PAGE", page)
    xla.write("new")
    assert page.read_text() == f"before\n{xla.BEGIN}\nnew\n{xla.END}\nafter\n"


def test_the_page_of_the_project_has_its_markers():
    text = xla.PAGE.read_text("utf-8")
    assert text.count(xla.BEGIN) == text.count(xla.END) == 1


@pytest.mark.parametrize(
    ("limit", "batch_size", "rows"), [(3, 1, 3), (9, 3, 3), (9, 2, 4), (9, 7, 4)]
)
def test_whole_batches_from_the_whole_part_up_to_a_limit(monkeypatch, limit, batch_size, rows):
    monkeypatch.setattr(xla, "ROWS", limit)

    class Spec:
        inputs, target = {"words": None}, Target.class_id("label", 4)

    part = {"words": np.arange(8).reshape(4, 2), "label": np.arange(4), "text": list("abcd")}
    result = xla.sample(part, Spec, batch_size)
    assert set(result) == {"words", "label"}
    assert len(set(result["label"])) == rows
    assert {result["label"][0], result["label"][-1]} == {0, 3}
    assert result["words"].shape == (rows, 2)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [pytest.param("off", marks=nightly), "on"])
def test_measuring_one_experiment(built, tmp_path, mode):
    """Both ways in a process of their own, as `compare` starts them."""
    project = built.copy(tmp_path / "project")
    shutil.copy(ROOT / "benchmarks/xla.py", project.path("benchmarks/xla.py"))
    environ = {**os.environ, "TF_DETERMINISTIC_OPS": "1" if mode == "off" else "0"}
    command = [sys.executable, "benchmarks/xla.py", "--measure", mode, "tiny_cnn"]
    done = subprocess.run(
        command, cwd=project.folder, env=environ, capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["examples_per_s"] > 0
    assert result["first_epoch_s"] > 0
    assert 0 < result["rows"] <= result["training_rows"]
