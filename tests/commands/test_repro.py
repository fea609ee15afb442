"""`python -m pipelines repro`: one bad data set does not stop the others."""

import argparse
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.commands import repro
from pipelines.config.errors import UserError
from pipelines.runtime import failures
from pipelines.runtime.failures import Failure
from tests.support.project import CNN, classical, experiment, stages
from tests.support.project import dataset as dataset_of

VALUES = yaml.safe_load("""
datasets: {a: {source: data/raw/got/a.csv}, b: {source: b.csv}, lonely: {source: c.csv}}
warm_starts: {a_warm: {dataset: a, weights: w}}
baselines: {a: {task: t, dataset: a}, b: {task: t, dataset: b}}
experiments:
  one: {task: t, dataset: a}
  two: {task: t, dataset: b}
  three: {task: t, dataset: a_warm}
""")


@pytest.mark.parametrize(
    ("stage", "key", "experiments"),
    [
        ("prepare", "a", ["one", "three"]),
        ("prepare", "lonely", ["-"]),
        ("warm_start", "a_warm", ["three"]),
        ("baselines", "b", ["two"]),
        ("fetch", "got", ["one", "three"]),
        ("evaluate", "two", ["two"]),
    ],
)
def test_a_failure_is_listed_for_every_experiment_that_needs_it(stage, key, experiments):
    lines = list(repro.rows(VALUES, [], [Failure(stage, key, "why")]))
    assert lines == [(name, f"{stage}@{key}", "why") for name in experiments]


def test_mistakes_that_let_no_stage_begin_are_listed_as_well():
    mistakes = [
        UserError("file-missing", "no such file", path="p", key="datasets.b.source"),
        UserError("value-invalid", "wrong", path="p", key="experiments.one.fit.epochs"),
        UserError("column-count", "wrong", path="b.csv", line=3),
    ]
    lines = list(repro.rows(VALUES, mistakes, [Failure("train", "one", "of the stage")]))
    assert [line[:2] for line in lines] == [("one", "train@one"), ("two", "prepare@b")]
    assert lines[0][2] == "of the stage"


def test_failures_are_written_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv(failures.VARIABLE, raising=False)
    failures.record("train", "one", "nowhere")
    file = tmp_path / "failures"
    assert failures.read(file) == []
    monkeypatch.setenv(failures.VARIABLE, str(file))
    failures.record("train", "one", "first\nmore")
    failures.record("train", "one", "second")
    failures.record("verify", "data/exported/.tmp-1-a2-two", "scores differ")
    failures.record("export", "three", "another reason")
    failures.record("export", "two", "not verified")
    assert failures.read(file) == [
        Failure("train", "one", "first"), Failure("export", "three", "another reason"),
        Failure("export", "two", "scores differ"),
    ]  # fmt: skip


def test_targets():
    def targets(**options) -> list[str]:
        return repro.command(argparse.Namespace(jobs=3, **options))[3:]

    side_by_side = ["-m", "pipelines.runtime.side_by_side", "--jobs", "3"]
    whole = targets(params=Path("params.yaml"), only=None)
    assert whole == [sys.executable, *side_by_side, "dvc.yaml"]
    file = Path("benchmarks/params.yaml")
    one = targets(params=file, only="mnist")
    assert one[-3:] == ["--keep-going", "--glob", "benchmarks/dvc.yaml:export@mnist*"]


def test_a_graph_that_cannot_be_made_is_not_run(empty_folder, monkeypatch, capsys):
    monkeypatch.setattr(repro.subprocess, "run", lambda *a, **k: pytest.fail("DVC was run"))
    Path("params.yaml").write_text("seed: 1\nmore: 2\n")
    with pytest.raises(SystemExit) as ended:
        repro.run([])
    assert ended.value.code == 1
    assert "key-unknown" in capsys.readouterr().err


@pytest.mark.slow
def test_what_can_run_is_run_and_the_rest_is_listed(built, copy_of):
    project = copy_of(built)
    project.path("bad.csv").write_text("label,text\n" + "spam,a\n" * 30 + "ham,\n")
    with project.changed() as values:
        for key, source in (("bad", "bad.csv"), ("gone", "gone.csv")):
            values["datasets"][key] = {**dataset_of("word"), "source": source}
            values["baselines"][key] = {
                "task": "text_classification", "dataset": key, "strong": f"{key}_linear"
            }  # fmt: skip
            values["experiments"][f"{key}_linear"] = classical(key)
            values["experiments"][f"{key}_cnn"] = experiment(key, "text_cnn", 1, builder="text_cnn")
        values["experiments"][CNN]["fit"]["epochs"] = 1
    done = project.pipelines("repro", status=1)
    assert sorted(done.ran) == sorted(["prepare@bad", *stages(CNN)])
    lines = done.stderr.partition("could not run:\n")[2].splitlines()
    assert [line.split()[:2] for line in lines] == [
        *(["bad_linear", "prepare@bad"], ["bad_cnn", "prepare@bad"]),
        *(["gone_linear", "prepare@gone"], ["gone_cnn", "prepare@gone"]),
    ]
    assert "text-empty" in lines[0] and "file-missing" in lines[2]
    assert CNN in done.stdout  # the table of results
