"""Nothing is written outside the project, wherever it was moved, copied or cloned to."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import tracking
from pipelines.commands import restore
from pipelines.config.errors import UserError
from pipelines.tracking import registry, store

ROOT = Path(__file__).parents[2]
IDENTITY = {"code": "c", "data": "d", "params": "p"}
OPTIONS = {"identity": IDENTITY, "params": {"units": 2}, "tags": {}, "dataset": None}


def train(folder: Path) -> dict:
    """A project with one trained model; returns the run's record."""
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    trained = folder / "data/trained/tiny"
    trained.mkdir(parents=True)
    with tracking.start("task", "tiny", **OPTIONS) as run:
        run.metrics({"val/loss": 0.5})
        record = run.record()
    (trained / "run.json").write_text(json.dumps(record))
    store._clients.clear()
    return record


def evaluate(record: dict) -> None:
    with tracking.resume(record, files=Path("data/trained/tiny")) as run:
        run.artifact(Path("data/trained/tiny/run.json"))


def continue_training(record: dict) -> None:
    with tracking.start("task", "tiny", begun=record["run_id"], **OPTIONS):
        pass


def export(record: dict) -> None:
    registry._upload(tracking.client(), "tiny", record["run_id"], Path("data/trained/tiny"))


EVALUATE = """
import json
from pathlib import Path
from pipelines import tracking
trained = Path("data/trained/tiny")
with tracking.resume(json.loads((trained / "run.json").read_text()), files=trained) as run:
    run.artifact(trained / "run.json")
    assert run.record()["metrics"] == {"val/loss": 0.5}
print(run.id)
"""
WRITERS = {
    "evaluate": evaluate,
    "train": continue_training,
    "export": export,
    "restore": lambda record: restore.run(Path("params.yaml")),
    "restore one": lambda record: tracking.restore(Path("data/trained/tiny")),
}


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.name != ".lock"}


@pytest.fixture
def moved(tmp_path, empty_store, monkeypatch, request):
    """(record, the old folder) of a project that was moved or copied; the new one is entered."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").mkdir()
    shutil.copy(empty_store, tmp_path / "one")
    record = train(tmp_path / "one")
    move = shutil.copytree if request.param == "copied" else shutil.move
    move(tmp_path / "one", tmp_path / "two")
    os.chdir(tmp_path / "two")
    return record, tmp_path / "one"


@pytest.mark.parametrize("moved", ["moved", "copied"], indirect=True)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_moved_project_does_not_write_to_the_old_place(moved, writer):
    record, old = moved
    before = files(old)
    with pytest.raises(UserError) as error:
        WRITERS[writer](record)
    assert error.value.code == "artifacts-elsewhere"
    assert error.value.path == "mlflow.db" and str(old / "mlruns") in error.value.value
    assert files(old) == before and old.exists() == bool(before)
    run = tracking.client().get_run(record["run_id"])
    assert (run.info.status, run.info.lifecycle_stage) == ("FINISHED", "active")


@pytest.mark.slow
@pytest.mark.parametrize("moved", ["moved", "copied"], indirect=True)
def test_the_cure_works(moved):
    record, old = moved
    with pytest.raises(UserError) as error:
        evaluate(record)
    store._clients.clear()
    before = files(old)
    command = error.value.message.partition("from data/: ")[2]
    path = f"{sys.prefix}/bin:{os.environ['PATH']}"
    subprocess.run(
        command, shell=True, check=True, env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    )
    # MLflow in this process still has the renamed database open.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {EVALUATE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (Path.cwd() / "mlruns/task" / done.stdout.strip() / "artifacts/run.json").is_file()
    assert files(old) == before


@pytest.mark.parametrize("moved", ["moved"], indirect=True)
def test_moved_back_it_works_again(moved):
    record, old = moved
    os.chdir(Path.cwd().rename(old))
    evaluate(record)
    assert restore.is_complete()


def test_a_renamed_database_takes_its_journal_with_it(tmp_path, monkeypatch):
    """SQLite would take the journal of the old database for that of the new one."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"mlflow.db{suffix}").write_text("of another database")
    with tracking.start("task", "tiny", **OPTIONS):
        pass
    assert (tmp_path / "old_mlflow.db-wal").read_text() == "of another database"


@pytest.mark.parametrize("name", ["100%", "a%20b", "q?x=1", "a#b", "50%25", "%(here)s", "é %C3"])
def test_any_path(tmp_path, empty_store, monkeypatch, name):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / name
    if name not in ("q?x=1", "%(here)s"):  # there the database is made as well, in two seconds
        folder.mkdir()
        shutil.copy(empty_store, folder)
    record = train(folder)
    evaluate(record)
    assert restore.is_complete()
    run = store._clients and tracking.client().get_run(record["run_id"])
    stored = folder / "mlruns/task" / run.info.run_id / "artifacts/run.json"
    assert stored.is_file() and (folder / "mlflow.db").is_file()
    (listed,) = tracking.client().list_artifacts(run.info.run_id)
    assert listed.path == "run.json"
    downloaded = tracking.client().download_artifacts(run.info.run_id, "run.json")
    assert Path(downloaded).read_bytes() == stored.read_bytes()
    assert set(tmp_path.iterdir()) == {folder}, "nothing outside the project"
