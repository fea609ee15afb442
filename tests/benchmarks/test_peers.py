"""Programs side by side: equal work, and the arithmetic of which is faster."""

import json
import math
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

import models
from benchmarks.peers import __main__ as driver
from benchmarks.peers import data, table
from benchmarks.peers.clock import Clock
from benchmarks.peers.keras_example import NETWORKS
from pipelines.config import schema
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec, Field, Target
from pipelines.storage import arrays
from pipelines.tasks.language_modeling import example as language_modeling
from pipelines.training.token_streams import TokenStreams

ROOT = Path(__file__).parents[2]
CASES = yaml.safe_load((driver.FOLDER / "cases.yaml").read_text("utf-8"))
WORDS = Field.token_ids(12, 50)
SPECS = {
    "image_classification": DataSpec(
        {"image": Field((28, 28, 1), "uint8", "intensity")},
        Target.class_id("label", 10), 10, ("file",)
    ),
    "text_classification": DataSpec({"words": WORDS}, Target.class_id("label", 2), 2, ("text",)),
    "translation": DataSpec(
        {"source": WORDS, "target_in": WORDS}, Target.token_ids(12, 50, name="target_out"), 50,
        ("text",),
    ),
    "forecasting": DataSpec(
        {"history": Field((8, 2), "float32", "degC")},
        Target((3, 2), "float32", "degC", name="future"), 6, ("history",),
        task_metadata={
            "columns": ["a", "b"], "horizon_steps": 3, "quantiles": [], "mean": [0.0, 1.0],
            "std": [1.0, 2.0],
        },
    ),
    "language_modeling": language_modeling.example_spec(),
}  # fmt: skip
COUNT = """
import json, sys
from benchmarks.peers import pytorch, torch_models
from pipelines.spec import DataSpec, Target
from pathlib import Path
spec = DataSpec.load(Path(sys.argv[1]))
print(pytorch.trainable(torch_models.build(spec, json.loads(sys.argv[2]))))
"""


@pytest.mark.parametrize("name", CASES)
def test_pytorch_trains_as_many_parameters(name, tmp_path):
    if not driver.TORCH.is_file():
        pytest.skip("PyTorch is not installed here; `make peers` does it")
    experiment = schema.Experiment.model_validate(CASES[name]["experiment"])
    spec = SPECS[experiment.task]
    spec.save(tmp_path / "spec.json")
    experiment_json = json.dumps({"build": experiment.build})
    command = [driver.TORCH, "-c", COUNT, tmp_path / "spec.json", experiment_json]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    model = models.build(spec, experiment.module, **experiment.build)
    ours = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert int(done.stdout) == ours


@pytest.mark.parametrize("name", [n for n in CASES if "keras_example" in CASES[n]["programs"]])
def test_the_example_s_network_fits_the_data(name):
    experiment = CASES[name]["experiment"]
    spec = SPECS[experiment["task"]]
    if experiment["task"] == "text_classification":
        spec = replace(spec, inputs={"words": replace(WORDS, shape=(64,))})
    model, _ = NETWORKS[experiment["build"]["builder"]](spec)
    assert isinstance(model, keras.Model)
    if name == "mnist_cnn":
        assert model.count_params() == 34_826  # as published


def test_every_case_is_a_valid_experiment():
    for name, case in CASES.items():
        assert "ours" in case["programs"], name
        for options in case["programs"].values():
            merged = driver.merged(case, options)["experiment"]
            schema.Experiment.model_validate(merged)
        assert case["epochs"] <= case["experiment"]["fit"]["epochs"]


def test_the_clock_stops_at_the_goal_but_not_before_the_epochs():
    clock = Clock({"goal": 0.9, "epochs": 2}, rows=10)
    enough = []
    for quality in (0.95, 0.8):
        clock.training()
        clock.validating()
        clock.ended(quality)
        enough.append(clock.enough)
    assert enough == [False, True]
    assert clock.result(7)["quality"] == [0.95, 0.8]
    never = Clock({"goal": 0.9, "epochs": 1}, rows=10)
    never.ended(0.8)
    assert not never.enough


def run(seconds: float, *qualities: float) -> dict:
    """Every epoch takes as long, the first twice as long; a tenth of it validates."""
    ended = [seconds * (number + 2) for number in range(len(qualities))]
    trained = [2 * seconds, *[seconds] * (len(qualities) - 1)]
    cpu = [2 * seconds for seconds in trained]
    values = {
        "trained_s": trained,
        "trained_cpu_s": cpu,
        "ended_s": ended,
        "quality": list(qualities),
    }
    return {"parameters": 5, "rows": 100, **values}


def test_a_run_s_summary_by_hand():
    case = {"goal": 0.9}
    result = table.summary(run(2.0, 0.5, 0.9, 0.8), case)
    assert result == {
        "parameters": 5, "examples_per_s": 50.0, "cpu_ms_per_example": 40.0,
        "best": 0.9, "epochs": 3, "seconds_to_goal": 6.0,
    }  # fmt: skip
    assert table.summary(run(2.0, 0.5), case)["seconds_to_goal"] is None
    assert "examples_per_s" not in table.summary(run(2.0, 0.5), case)
    assert table.summary(run(2.0, 0.5, 0.5), {})["first_s"] == 4.0


def test_ratios_are_above_one_for_the_faster():
    ours = [{"examples_per_s": 100.0, "seconds_to_goal": 10.0}] * 3
    theirs = [
        {"examples_per_s": 200.0, "seconds_to_goal": 5.0},
        {"examples_per_s": 50.0, "seconds_to_goal": None},
        {"examples_per_s": 300.0, "seconds_to_goal": 4.0},
    ]
    assert table.ratio(theirs, ours, "examples_per_s") == 2.0
    assert table.ratio(theirs, ours, "seconds_to_goal") == 2.0
    assert table.ratio(theirs[:1], ours, "seconds_to_goal") == 2.0
    assert table.ratio([{}], ours[:1], "examples_per_s") is None
    assert math.isinf(table.middle([theirs[1]] * 2 + ours[:1], "seconds_to_goal"))


def test_the_table_by_hand():
    hardware = {"processor": "Some CPU", "cores": "2", "date": "2026-01-31"}
    goal = {"goal": 0.9}
    programs = {
        "ours": [table.summary(run(2.0, 0.5, 0.95), goal)],
        "pytorch": [table.summary(run(1.0, 0.5, 0.95), goal)],
        "scikit": [table.summary(run(1.0, 0.85), goal)],
    }
    case = {"about": "Words", "goal": 0.9, "programs": programs, "abouts": table.PROGRAMS}
    values = {"machine": hardware, "runs": 1, "threads": 2, "cases": {"words": case}}
    text = table.render(values).splitlines()
    assert text[0] == "**Words**"
    assert text[4] == "| ours | 5 | 50.0 |  | 6.0 |  |"
    assert text[5] == "| PyTorch, eager | 5 | 100 | 2.00 | 3.0 | 2.00 |"
    assert text[6] == "| scikit-learn | 5 |  |  | not reached (85.0 %) |  |"
    assert text[-1].endswith("2 cores of Some CPU.")


def test_programs_take_turns():
    orders = [[name for name, _ in driver.turn({"a": {}, "b": {}, "c": {}}, n)] for n in range(3)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


def test_a_program_may_have_its_own_runs_and_threads(monkeypatch):
    given = []

    def measured(program, work):
        given.append((program, work["seed"], work["threads"]))
        return run(1.0, 0.5, 0.95)

    monkeypatch.setattr(driver, "measured", measured)
    programs = {"ours": {}, "alone": {"program": "pytorch", "threads": 1}, "scikit": {"runs": 1}}
    experiment = {"fit": {}}
    case = {"about": "", "goal": 0.9, "experiment": experiment, "programs": programs}
    result = driver.compare("case", case, 2, 4)
    assert sorted(given) == [
        ("ours", 1, 4), ("ours", 2, 4), ("pytorch", 1, 1), ("pytorch", 2, 1), ("scikit", 1, 4),
    ]  # fmt: skip
    assert [len(runs) for runs in result["programs"].values()] == [2, 2, 1]


def test_all_frameworks_get_the_same_threads_and_no_settings_of_the_caller(monkeypatch):
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "1")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    cores = os.cpu_count() or 1
    assert "TF_NUM_INTRAOP_THREADS" not in driver.environment(cores)  # the default
    result = driver.environment(cores + 1)
    assert "TF_DETERMINISTIC_OPS" not in result
    assert "KERAS_BACKEND" not in result
    assert result["OMP_NUM_THREADS"] == result["TF_NUM_INTRAOP_THREADS"] == str(cores + 1)


def test_rows_are_spread_over_the_split_and_positions_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "PREPARED", tmp_path)
    spec = SPECS["text_classification"]
    spec = replace(spec, inputs={**spec.inputs, "characters": spec.inputs["words"]})
    for part in ("train", "val"):
        columns = {"words": np.arange(60, dtype=np.int32).reshape(5, 12), "label": np.arange(5)}
        arrays.write(tmp_path / "tiny/repeat0" / part, {**columns, "text": list("abcde")})
    spec.save(tmp_path / "tiny/spec.json")
    case = {"experiment": {"dataset": "tiny"}, "inputs": ["words"], "positions": 7, "train_rows": 2}
    result = data.load(case, texts=True)
    assert list(result.spec.inputs) == ["words"] and result.spec.inputs["words"].shape == (7,)
    assert result.train["label"].tolist() == [0, 4]
    assert result.train["text"] == ["a", "e"]
    assert result.train["words"].shape == (2, 7)
    assert len(result.val["label"]) == 5


def test_documents_are_the_streams_that_ours_reads():
    documents = [np.arange(2, 2 + length, dtype=np.int32) for length in (5, 1, 9)]
    ours = TokenStreams("tokens", documents, 3, 2)
    ids, targets = data.streams(documents, 3, 2)
    assert np.array_equal(ids, ours.ids) and np.array_equal(targets, ours.targets)


def test_a_history_may_be_shortened(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "PREPARED", tmp_path)
    spec = SPECS["forecasting"]
    columns = {
        "history": np.arange(64, dtype=np.float32).reshape(4, 8, 2),
        "future": np.zeros((4, 3, 2), np.float32),
    }
    for part in ("train", "val"):
        arrays.write(tmp_path / "tiny/repeat0" / part, columns)
    spec.save(tmp_path / "tiny/spec.json")
    result = data.load({"experiment": {"dataset": "tiny"}, "history_steps": 5})
    assert result.spec.inputs["history"].shape == (5, 2)
    assert np.array_equal(result.train["history"], columns["history"][:, 3:])
    assert result.examples == 4


def test_missing_data_is_an_error_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "ROOT", tmp_path)
    with pytest.raises(UserError, match="prepare@mnist"):
        driver.needed(CASES["mnist_cnn"])


def test_the_page_of_the_project_has_its_markers():
    text = driver.PAGE.read_text("utf-8")
    assert text.count(driver.BEGIN) == text.count(driver.END) == 1
