"""Smoke runs: which rows and experiments are left, and one graph from end to end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import smoke, smoke_graph
from benchmarks.smoke_rows import ROWS, cut_series, cut_split
from pipelines.storage import arrays
from tests.support.defaults import needs_defaults
from tests.support.sizes import nightly

ROOT = Path(__file__).parents[2]


def test_rows_are_spread_over_the_split_and_stay_together(tmp_path):
    numbers = np.arange(100)
    texts = [f"text {number}" for number in numbers]
    arrays.write(tmp_path / "train", {"label": numbers // 50, "number": numbers, "text": texts})
    cut_split(tmp_path / "train", 10)
    columns = arrays.read(tmp_path / "train")
    assert columns["label"].tolist() == [0] * 5 + [1] * 5
    assert list(columns["text"]) == [f"text {number}" for number in columns["number"]]


def test_splits_of_a_series_are_consecutive_windows(tmp_path):
    rows = sum(ROWS.values())
    series = np.arange(2 * rows + 8, dtype=np.float32)[:, None]
    for split in ROWS:
        windows = arrays.WindowIndex(series, length=8, stride=2)
        arrays.write(tmp_path / split, {"history": windows, "origin": np.arange(len(windows))})
    cut_series(tmp_path)
    splits = [arrays.read(tmp_path / split) for split in ROWS]
    assert [len(split["origin"]) for split in splits] == list(ROWS.values())
    assert np.concatenate([split["origin"] for split in splits]).tolist() == list(range(rows))
    assert np.array_equal(splits[0]["history"], windows.view()[: ROWS["train"]])


def test_a_small_split_stays_as_it_is(tmp_path):
    arrays.write(tmp_path / "val", {"label": np.arange(4)})
    cut_split(tmp_path / "val", 10)
    assert arrays.read(tmp_path / "val")["label"].tolist() == [0, 1, 2, 3]


PARAMS = {
    "params.yaml": {
        "datasets": {"texts": {"recipe": "text_csv", "source": "a.csv"}},
        "warm_starts": {"warm": {"dataset": "texts", "weights": "data/trained/first"}},
        "baselines": {"texts": {"dataset": "texts"}},
        "experiments": {
            "first": {"task": "t", "dataset": "texts", "module": "m", "build": {"builder": "a"}},
        },
    },
    "course/params.yaml": {
        "datasets": {"lines": {"recipe": "text_lines", "source": "data/raw/files/a.txt"}},
        "baselines": {"lines": {"dataset": "lines"}, "warm": {"dataset": "warm"}},
        "downloads": {"files": {}},
        "experiments": {
            "same": {"task": "t", "dataset": "texts", "module": "m", "build": {"builder": "a"}},
            "other": {"task": "t", "dataset": "warm", "module": "m", "build": {"builder": "b"}},
            "again": {"task": "t", "dataset": "texts", "module": "m", "build": {"builder": "b"}},
            "public": {"task": "t", "dataset": "lines", "module": "m", "build": {"builder": "b"}},
        },
    },
}
DEFINITIONS = {
    "fetch": ("downloads", [], ["data/raw/${key}"]),
    "prepare": ("datasets", ["${item.source}"], ["data/prepared/${key}"]),
    "warm_start": (
        "warm_starts", ["data/prepared/${item.dataset}", "${item.weights}"],
        ["data/prepared/${key}"],
    ),
    "train": ("experiments", ["data/prepared/${item.dataset}"], [{"data/trained/${key}": {}}]),
    "baselines": ("baselines", ["data/prepared/${item.dataset}"], ["data/baselines/${key}"]),
    "evaluate": (
        "experiments", ["data/trained/${key}", "data/baselines/${item.dataset}"],
        ["data/metrics/${key}.json"],
    ),
    "export": ("experiments", ["data/metrics/${key}.json"], ["data/exported/${key}"]),
}  # fmt: skip


@pytest.fixture
def graph(monkeypatch) -> smoke_graph.Graph:
    """The stages of PARAMS."""
    blocks = {
        name: {"foreach": f"${{{section}}}", "do": {"deps": needs, "outs": outs}}
        for name, (section, needs, outs) in DEFINITIONS.items()
    }
    monkeypatch.setattr(smoke_graph, "_definitions", lambda params_file: blocks)
    return smoke_graph.graph_of(PARAMS)


def names(graph: smoke_graph.Graph) -> set[str]:
    return {str(stage) for stage in graph}


@pytest.mark.parametrize("files", [["course/params.yaml"], ["benchmarks/params.yaml"]])
def test_every_experiment_is_trained_for_one_epoch(files):
    params = smoke_graph.read(files)
    smoke_graph.shorten(params)
    experiments = smoke_graph.items(params, "experiments")
    assert {name for name in params if name not in files} <= {"params.yaml"}
    for experiment in experiments.values():
        assert experiment.get("fit", {"epochs": 1})["epochs"] == 1
        assert "seeds" not in experiment


def test_an_experiment_brings_its_data_and_no_other(graph):
    assert names(smoke_graph.part_for(graph, ["same"])) == {
        "prepare texts", "train same", "baselines texts", "evaluate same", "export same",
    }  # fmt: skip
    assert names(smoke_graph.part_for(graph, ["public"])) == {
        "fetch files", "prepare lines", "train public", "baselines lines", "evaluate public",
        "export public",
    }  # fmt: skip


def test_a_warm_start_brings_what_it_loads(graph):
    part = smoke_graph.part_for(graph, ["other"])
    assert names(part) == {
        "prepare texts", "train first", "warm_start warm", "baselines warm", "train other",
        "evaluate other", "export other",
    }  # fmt: skip
    needs = {str(stage): {str(other) for other in others} for stage, others in part.items()}
    assert needs["warm_start warm"] == {"prepare texts", "train first"}
    assert needs["evaluate other"] == {"train other", "baselines warm"}


def test_distinct_experiments_are_those_that_the_root_does_not_have():
    assert smoke_graph.distinct(PARAMS, ["course/params.yaml"]) == ["other", "public"]


@needs_defaults
def test_the_three_graphs_together_run_every_model_and_every_recipe():
    files = ["course/params.yaml", "benchmarks/params.yaml"]
    params = smoke_graph.read(files)

    def used(experiments: dict) -> set[tuple]:
        blocks = experiments.values()
        return set().union(*(smoke_graph.model_and_recipe(params, block) for block in blocks))

    experiments = smoke_graph.items(params, "experiments")
    run = {key: experiments[key] for key in smoke_graph.distinct(params, files)}
    root = params["params.yaml"]["experiments"]
    assert used(run) | used(root) == used(experiments)
    for key, experiment in run.items():
        assert used({key: experiment}) - used(root), key


@pytest.mark.parametrize("mirror", [True, False])
def test_without_a_mirror_public_data_is_skipped(graph, mirror, capsys):
    keys, part = smoke.with_data(graph, ["same", "public"], mirror)
    assert keys == (["same", "public"] if mirror else ["same"])
    assert ("fetch files" in names(part)) is mirror
    assert ("1 experiments skipped" in capsys.readouterr().out) is not mirror


def test_stages_wait_for_what_they_need_and_a_failure_stops_those_alone(
    graph, tmp_path, monkeypatch
):
    runner, ran = smoke.Runner(tmp_path), []

    def record(stage: smoke_graph.Stage) -> bool:
        ran.append(stage)
        runner.seconds[str(stage)] = 0.0
        return str(stage) != "train other"

    monkeypatch.setattr(runner, "stage", record)
    left_out = runner.run(graph)
    for position, stage in enumerate(ran):
        assert graph[stage] <= set(ran[:position])
    assert names(graph) - names(dict.fromkeys(ran)) == {"evaluate other", "export other"}
    assert left_out == 2


@nightly  # as is `make smoke` itself
@needs_defaults
@pytest.mark.slow
def test_one_experiment_from_end_to_end(served):
    """The project's own data and store stay as they are."""
    params = "course/params.yaml"
    experiments = smoke_graph.read([params])[params]["experiments"]
    key = next(  # its data are in the repository
        key for key, block in experiments.items() if block["task"] == "text_classification"
    )
    before = sorted((ROOT / "data").iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.smoke", params, "--only", key],
        cwd=ROOT, env=served, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"export {key}" in done.stdout
    assert sorted((ROOT / "data").iterdir()) == before
