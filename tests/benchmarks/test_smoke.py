"""Smoke runs: which rows and experiments are left, and one graph from end to end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import smoke
from benchmarks.smoke_rows import ROWS, cut_series, cut_split
from pipelines.storage import arrays

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


def test_every_experiment_is_trained_for_one_epoch():
    graph = smoke.shortened(smoke.Graph.of("benchmarks/params.yaml"))
    for experiment in graph.params["experiments"].values():
        assert experiment["fit"]["epochs"] == 1
        assert "seeds" not in experiment
    assert graph.used["experiments"] == list(graph.params["experiments"])


def test_selected_experiments_bring_their_data_and_no_other():
    graph = smoke.Graph.of("benchmarks/params.yaml")
    smoke.narrow([graph], ["hymenoptera_probe"])
    assert graph.used == {
        "downloads": ["hymenoptera", "keras_weights"],
        "datasets": ["hymenoptera"],
        "warm_starts": ["hymenoptera_from_imagenet"],
        "baselines": [key for key in graph.used["baselines"] if "hymenoptera" in key],
        "experiments": ["hymenoptera_probe"],
    }


def test_distinct_experiments_have_every_builder():
    graphs = [smoke.Graph.of(name) for name in ("course/params.yaml", "benchmarks/params.yaml")]

    def builders() -> set[str]:
        blocks = [block for graph in graphs for block in graph.params["experiments"].values()]
        return {block["build"]["builder"] for block in blocks}

    before = builders()
    smoke.narrow(graphs, None)
    assert builders() == before


@pytest.mark.parametrize("mirror", [True, False])
def test_without_a_mirror_public_data_is_skipped(mirror, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(smoke.MIRROR, raising=False)
    monkeypatch.setattr(smoke, "DEFAULT_MIRROR", tmp_path if mirror else tmp_path / "absent")
    graph = smoke.Graph.of("benchmarks/params.yaml")
    smoke.skip_public_data(graph, smoke.Runner(tmp_path))
    assert bool(graph.used["experiments"]) is mirror
    assert ("experiments skipped" in capsys.readouterr().out) is not mirror


@pytest.mark.slow
def test_one_experiment_from_end_to_end(served):
    """The project's own data and store stay as they are."""
    params = ROOT / "course/params.yaml"
    key = next(iter(smoke.Graph.of("course/params.yaml").used["experiments"]))
    before = sorted((ROOT / "data").iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.smoke", str(params.relative_to(ROOT)), "--only", key],
        cwd=ROOT, env=served, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"export {key}" in done.stdout
    assert sorted((ROOT / "data").iterdir()) == before
