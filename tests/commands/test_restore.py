"""`python -m pipelines restore` looks into the database first, without importing MLflow."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import tracking
from pipelines.commands import restore

ROOT = Path(__file__).parents[2]
IDENTITY = {"code": "c", "data": "d", "params": "p"}
OPTIONS = {"params": {}, "tags": {}, "dataset": None}


@pytest.fixture
def run_id(tracked_folder) -> str:
    """The id of a finished run, whose record is in data/trained."""
    with tracking.start("task", "tiny", identity=IDENTITY, **OPTIONS) as run:
        pass
    folder = restore.TRAINED / "tiny"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run.record()))
    return run.id


def run_elsewhere(then: str = "") -> None:
    """`restore` in another process, and a line of code after it."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path\n"
        f"from pipelines.commands import restore; restore.run(Path('params.yaml'))\n{then}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_store_with_every_run_is_complete(run_id):
    assert restore.is_complete()


@pytest.mark.slow
def test_a_lost_store_is_not_complete_until_its_runs_are_restored(run_id):
    for path in Path().glob("mlflow.db*"):
        path.unlink()
    assert not restore.is_complete()
    run_elsewhere()  # MLflow in this process still has the deleted file open
    assert restore.is_complete(), "the restored run has the old id as a tag"


def test_a_soft_deleted_run_is_restored(run_id):
    tracking.client().delete_run(run_id)
    assert not restore.is_complete()
    restore.run(Path("params.yaml"))
    assert restore.is_complete()


@pytest.mark.parametrize("status", ["RUNNING", "no table"])
def test_what_cannot_be_read_off_the_database_is_left_to_mlflow(run_id, status):
    with sqlite3.connect(restore.STORE) as database:
        if status == "RUNNING":
            database.execute("UPDATE runs SET status = 'RUNNING'")
        else:
            database.execute("ALTER TABLE runs RENAME TO other")
    assert not restore.is_complete()


def test_a_tracking_server_is_asked_through_mlflow(run_id, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert not restore.is_complete()


def test_nothing_to_restore_imports_no_mlflow(run_id):
    run_elsewhere("sys.exit('mlflow' in sys.modules)")
