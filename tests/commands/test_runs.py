"""`python -m pipelines runs`: all runs in a table, also after the store was lost or damaged."""

import os
import shutil

import pytest

from tests.support.project import CNN, LSTM, STRONG

pytestmark = pytest.mark.slow

DIES = """
import os
from pipelines import tracking
identity = {"code": "c", "data": "d", "params": "p"}
with tracking.start("text_classification", "dead", identity=identity, params={}, tags={},
                    dataset=None) as run:
    os.kill(os.getpid(), 9)
"""


def table(project) -> dict[str, dict[str, str]]:
    """The printed table, by key."""
    done = project.python("-m", "pipelines", "runs")
    lines = done.stdout.splitlines()
    (head,) = (number for number, line in enumerate(lines) if line.startswith("run "))
    names = lines[head].split()
    begins = [lines[head].index(name) for name in names]
    cells = [
        [line[start:end].strip() for start, end in zip(begins, [*begins[1:], None], strict=True)]
        for line in lines[head + 1 :]
        if not line.startswith("dvc.lock names")
    ]
    assert len({row[2] for row in cells}) == len(cells), done.summary
    return {row[2]: dict(zip(names, row, strict=True)) for row in cells}


@pytest.fixture(scope="module")
def project(tmp_path_factory, built):
    """Like a machine on which mlflow.db was lost: the copy's store is empty."""
    return built.copy(tmp_path_factory.mktemp("runs") / "project")


def test_after_the_store_was_deleted_every_run_is_back(project, built):
    assert not project.path("mlflow.db").exists()
    rows = table(project)
    assert set(rows) == {CNN, LSTM, *STRONG.values()}
    for key, row in rows.items():
        (run,) = project.runs(f"tags.stage_key = '{key}'")
        (origin,) = built.runs(f"tags.stage_key = '{key}'")
        assert row["run"] == run.info.run_id and row["state"] == "FINISHED"
        assert row["experiment"] == "text_classification"
        assert run.data.metrics == origin.data.metrics and run.data.params == origin.data.params
        assert run.data.tags["original_run_id"] == origin.info.run_id
    assert table(project) == rows, "nothing left to do"


def test_runs_whose_files_were_deleted_too_come_from_dvcs_cache(copy_of, built):
    project = copy_of(built)
    for path in ("data/trained", "data/metrics"):
        shutil.rmtree(project.path(path))
    assert set(table(project)) == {CNN, LSTM, *STRONG.values()}
    assert project.record(CNN) == built.record(CNN)
    assert project.path("data/metrics", f"{CNN}.json").is_file()
    assert project.repro() == []


def test_what_no_cache_holds_is_named(project):
    lock = project.path("dvc.lock").read_text()
    project.path("dvc.lock").write_text(lock.replace(f"train@{LSTM}:", "train@gone:"))
    output = project.pipelines("runs").stdout
    project.path("dvc.lock").write_text(lock)
    assert "trained models that are neither here nor in DVC's cache" in output
    assert "dvc pull" in output


def test_a_run_whose_process_died_is_marked(project):
    assert project.python("-c", DIES, status=-9).stdout == ""
    (run,) = project.runs("tags.stage_key = 'dead'")
    assert run.info.status == "RUNNING"
    row = table(project)["dead"]
    pid = run.data.tags["process.pid"]
    assert (row["state"], row["reason"]) == ("KILLED", f"process {pid} died; found later")
    assert row["host:pid"] == f"{os.uname().nodename}:{pid}"
    project.store().delete_run(run.info.run_id)


def test_a_run_comes_back_with_its_files(project):
    """A forced re-run replaces it; then its files are taken out of DVC's cache again."""
    first = table(project)[CNN]["run"]
    project.dvc("repro", "--force", "--single-item", f"train@{CNN}")
    second = project.record(CNN)["run_id"]
    assert [run.info.run_id for run in project.runs(f"tags.stage_key = '{CNN}'")] == [second]
    project.git("checkout", "-q", "--", "dvc.lock")
    project.dvc("checkout", "--force", f"train@{CNN}")
    assert table(project)[CNN]["run"] == first
    assert [run.info.run_id for run in project.runs(f"tags.stage_key = '{CNN}'")] == [first]


def test_without_any_run_it_says_so(copy_of, fresh):
    project = copy_of(fresh)
    assert "no runs yet" in project.python("-m", "pipelines", "runs").stdout
    assert "runs takes no key" in project.python("-m", "pipelines", "runs", "x", status=2).stderr
