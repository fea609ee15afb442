"""DVC's own experiments, queue and remotes: every run is in the one store of the repository."""

import shutil
import sys
import time

import pytest

from tests.support.project import CNN, LSTM, STRONG, Project, marked
from tests.support.sizes import nightly

pytestmark = pytest.mark.slow

RATE = f"experiments.{CNN}.fit.learning_rate"
QUEUE_TIMEOUT_S = 400  # twenty are enough where nothing else runs


def workspace(project) -> dict[str, bytes]:
    """All that a person has before them: tracked files, data and what git says."""
    files = {
        str(path.relative_to(project.folder)): path.read_bytes()
        for name in ("data", "pipelines", "models", "params.yaml", "dvc.yaml", "dvc.lock")
        for path in [project.path(name), *project.path(name).rglob("*")]
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {**files, "git": project.git("status", "--porcelain").encode()}


def landed(project, name: str, rate: float):
    """The only run of a named experiment, finished, with everything that a run has."""
    (run,) = project.runs(f"tags.DVC_EXP_NAME = '{name}'")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == run.data.tags["stage_key"] == CNN
    assert run.data.params["fit.learning_rate"] == str(rate)
    assert {"train/loss", "val/loss", "test/mcc"} < set(run.data.metrics)
    assert run.data.tags["DVC_EXP_NAME"] == name
    files = project.path("mlruns/text_classification", run.info.run_id, "artifacts")
    assert (files / "plots/figures/training.png").is_file()
    versions = project.store().search_model_versions(f"run_id = '{run.info.run_id}'")
    assert len(versions) == 1
    return run


def test_temporary_experiment_writes_to_the_main_store(copy_of, built):
    project = copy_of(built)
    before = workspace(project)
    done = project.dvc("exp", "run", "--temp", "-n", "warm", "-S", f"{RATE}=0.02")
    assert done.ran == [f"{stage}@{CNN}" for stage in ("train", "evaluate", "export")]
    run = landed(project, "warm", 0.02)
    assert workspace(project) == before
    assert list(project.folder.rglob("mlflow.db")) == [project.path("mlflow.db")]

    # Fails, having done all: it also asks for benchmarks that were never run (see README.md).
    project.dvc("exp", "apply", "warm", status=None)
    assert project.record(CNN)["run_id"] == run.info.run_id
    assert project.params["experiments"][CNN]["fit"]["learning_rate"] == 0.02
    assert project.repro() == []


@nightly
def test_two_workers_of_the_queue_leave_one_whole_run_each(copy_of, built, mark):
    project = copy_of(built)
    project.environ = {**project.environ, "TEST_MARK": mark}
    before = workspace(project)
    for name, rate in (("hot", 0.03), ("cold", 0.001)):
        project.dvc("exp", "run", "--queue", "-n", name, "-S", f"{RATE}={rate}")
    project.dvc("queue", "start", "--jobs", "2", stdout=sys.stderr, stderr=sys.stderr)
    give_up = time.monotonic() + QUEUE_TIMEOUT_S
    try:
        while (status := project.dvc("queue", "status").stdout).count("Success") < 2:
            assert "Failed" not in status, project.dvc("queue", "logs", "hot", status=None).summary
            assert time.monotonic() < give_up, status
            time.sleep(1)
    finally:
        project.dvc("queue", "stop", "--kill")
    assert landed(project, "hot", 0.03).info.run_id != landed(project, "cold", 0.001).info.run_id
    assert workspace(project) == before
    while marked(mark):
        assert time.monotonic() < give_up, "the worker of the queue ends when it is stopped"
        time.sleep(0.1)


def test_clone_that_pulls_has_the_models_and_the_runs(tmp_path, copy_of, built):
    project = copy_of(built)
    project.pipelines("restore")  # a copy's store is empty; the ids are new
    (first,) = project.runs(f"tags.stage_key = '{CNN}'")
    project.dvc("remote", "add", "-d", "store", str(tmp_path / "remote"))
    project.commit()
    project.dvc("push")
    clone = Project(tmp_path / "clone", project.environ)
    project.git("clone", "-q", str(project.folder), str(clone.folder))
    shutil.rmtree(project.path(".dvc/cache"))
    clone.dvc("pull", "dvc.yaml")
    for key in (CNN, LSTM):
        for path in (
            f"data/trained/{key}/repeat0_seed1/model.keras",
            f"data/exported/{key}/model/saved_model.pb",
            f"data/metrics/{key}.json",
        ):
            assert clone.path(path).read_bytes() == built.path(path).read_bytes(), path
    assert not clone.path("mlflow.db").exists()

    output = clone.pipelines("restore").stdout
    assert CNN in output and LSTM in output
    assert len(clone.runs()) == 2 + len(STRONG)
    (again,) = clone.runs(f"tags.stage_key = '{CNN}'")
    (origin,) = built.runs(f"tags.stage_key = '{CNN}'")
    assert again.info.run_id not in (first.info.run_id, origin.info.run_id)
    assert again.data.tags["restored_from"] == f"data/trained/{CNN}/run.json"
    assert again.data.tags["original_run_id"] == origin.info.run_id
    assert again.info.status == "FINISHED"
    assert again.data.params == origin.data.params
    assert again.data.metrics == origin.data.metrics
    for name in origin.data.metrics:
        curves = [
            sorted((point.step, point.value) for point in place.store().get_metric_history(*run))
            for place, run in (
                (clone, (again.info.run_id, name)),
                (built, (origin.info.run_id, name)),
            )
        ]
        assert curves[0] == curves[1], name
    artifacts = [
        place.path(
            "mlruns/text_classification", run.info.run_id, "artifacts/plots/figures/training.png"
        )
        for place, run in ((clone, again), (built, origin))
    ]
    assert artifacts[0].read_bytes() == artifacts[1].read_bytes()

    assert clone.repro() == []
    assert clone.pipelines("restore").stdout == ""
    assert clone.git("status", "--porcelain") == ""
    head, *rows = clone.pipelines("report").stdout.split("\n\n")[0].splitlines()
    assert [row.split()[0] for row in rows] == [
        key for key in (*STRONG.values(), CNN, LSTM) for _ in range(2)
    ]
