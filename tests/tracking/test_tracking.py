"""Runs as a reader of the store sees them, whatever happened to the process that wrote them."""

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from pipelines import tracking
from pipelines.config.errors import UserError
from pipelines.config.file_names import SUMMARY, TRACKED
from pipelines.tracking import artifacts, entries, origin, store

HERE = Path(__file__).parents[2]
DATASET = {"name": "sms", "digest": "d" * 64, "source": "data/raw/sms.csv"}
PARAMS = {"learning_rate": 1e-3, "builder": "gru_classifier", "dilations": [1, 2], "mask": True}
CHILD = """
import sys, time
from pathlib import Path
from pipelines import tracking
START = {"identity": {"code": "c", "data": "d", "params": sys.argv[1]}, "params": {}, "tags": {}}
with tracking.start("task", sys.argv[1], **START, dataset=None) as run:
    run.metrics({"train/loss": 0.5}, step=0)
    Path(sys.argv[1] + ".id").write_text(run.id)
    time.sleep(float(sys.argv[2]))
assert not {"tensorflow", "keras", "jax", "torch"} & set(sys.modules)
"""


@pytest.fixture
def place(tmp_path, empty_store, monkeypatch):
    """A working directory with a space in its name and a store of its own."""
    folder = tmp_path / "my project"
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


def started(key="sms_gru", units=64, parent=None, params=PARAMS, tags=None):
    identity = {"code": "abc", "data": DATASET["digest"], "params": {"units": units}}
    options = {"identity": identity, "params": params, "tags": tags or {}, "dataset": DATASET}
    return tracking.start("text_classification", key, **options, parent=parent)


def child(folder, key, seconds=0.0, **environment):
    """A new process that starts a run, writes <key>.id and sleeps inside the run."""
    environ = {name: text for name, text in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, key, str(seconds)],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(HERE), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"{path} was not written"
        time.sleep(0.05)
    return path.read_text()


def live_runs(task="text_classification"):
    experiment = tracking.client().get_experiment_by_name(task)
    return tracking.client().search_runs([experiment.experiment_id])


def curve(run_id, name):
    return [
        (point.step, point.value) for point in tracking.client().get_metric_history(run_id, name)
    ]


def test_everything_reads_back(place, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@sms_gru")
    (place / "notes.txt").write_text("kept")
    (place / "figures").mkdir()
    (place / "figures" / "roc.png").write_bytes(b"png")
    with started(tags={"license": "CC0"}) as run:
        for epoch in range(3):
            run.metrics({"train/loss": 1 - epoch / 10, "val/loss": 1.0}, step=epoch)
        run.metrics({"test/mae_degC": 2})
        run.artifact(place / "notes.txt", "text")
        run.artifact(place / "figures", "figures")
        run.artifact(place / "figures")
        run.tag({"best_epoch": 2})
    read = tracking.client().get_run(run.id)
    assert (read.info.status, read.info.run_name) == ("FINISHED", "sms_gru")
    assert curve(run.id, "train/loss") == [(0, 1.0), (1, 0.9), (2, 0.8)]
    assert read.data.metrics["test/mae_degC"] == 2.0
    expected = {"learning_rate": "0.001", "dilations": "[1, 2]", "mask": "True"}
    assert read.data.params == expected | {"builder": "gru_classifier"}
    tags = read.data.tags
    assert (tags["license"], tags["best_epoch"], tags["stage_key"]) == ("CC0", "2", "sms_gru")
    assert tags["DVC_STAGE"] == "train@sms_gru"
    assert tags["process.pid"] == str(os.getpid()) and tags["host"] == origin.HOST
    assert tags["git_commit"] == "unknown"  # no repository here
    assert len(tags["identity"]) == 64 and tags["data_digest"] == DATASET["digest"]
    used = read.inputs.dataset_inputs[0].dataset
    assert (used.name, used.digest) == ("sms", "d" * 36)
    assert json.loads(used.source) == {"uri": "data/raw/sms.csv"}
    files = place / "mlruns" / "text_classification" / run.id / "artifacts"
    assert (files / "text" / "notes.txt").read_text() == "kept"
    assert (files / "figures" / "roc.png").read_bytes() == (files / "roc.png").read_bytes()


def test_commit_and_dirt(place):
    commit = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]
    for command in (["git", "init", "-q"], ["git", "add", "."], commit):
        subprocess.run(command, check=True)
    (place / "dvc.lock").write_text("changes with every stage")
    clean = origin.tags()
    assert len(clean["git_commit"]) == 40 and clean["git_dirty"] == "false"
    (place / "model.py").write_text("new code")
    assert origin.tags()["git_dirty"] == "true"


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED")],
)
def test_exceptions_end_a_run(place, error, status):
    with pytest.raises(error), started() as run:
        raise error("why")
    read = tracking.client().get_run(run.id)
    assert (read.info.status, read.data.tags["ended_because"]) == (status, f"{error.__name__}: why")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_error_before_the_block_ends_the_run(place):
    with pytest.raises(UserError) as error, started(params={"fit": {"epochs": 1}}):
        pytest.fail("must not be entered")
    assert (error.value.code, error.value.key) == ("param-not-flat", "param fit")
    assert [run.info.status for run in live_runs()] == ["FAILED"]


@pytest.mark.slow
def test_killed_processes(place):
    """SIGTERM closes its run; after SIGKILL the next process to open the store does."""
    polite, rude = child(place, "polite", 60), child(place, "rude", 60)
    ids = [wait_for(place / "polite.id"), wait_for(place / "rude.id")]
    # Both live: the first opening by this process leaves them alone.
    assert [run.info.status for run in live_runs("task")] == ["RUNNING", "RUNNING"]
    polite.terminate()
    rude.kill()
    assert (polite.wait(20), rude.wait(20)) == (143, -signal.SIGKILL)
    store._clients.clear()
    read = [tracking.client().get_run(run_id) for run_id in ids]
    assert [run.info.status for run in read] == ["KILLED", "KILLED"]
    assert read[0].data.tags["ended_because"] == "SystemExit: 143"
    assert read[1].data.tags["ended_because"] == f"process {rude.pid} died; found later"


def test_a_process_is_more_than_its_number():
    me = origin.process()
    assert origin.lives(me)
    assert not origin.lives(me | {"process.started": "1"})
    assert not origin.lives(me | {"process.boot": "an earlier one"})
    assert not origin.lives(me | {"process.pid": "4194305"})


@pytest.mark.slow
def test_four_processes_on_a_fresh_store(tmp_path):
    """They create one store at once; two of them run in DVC's temporary copies of the project."""
    folders = [tmp_path, tmp_path]
    folders += [tmp_path / ".dvc/tmp/exps" / name for name in ("standalone/tmpab", "tmpcd")]
    for folder in folders:
        (folder / ".dvc").mkdir(parents=True, exist_ok=True)
    children = [child(folder, f"run{index}") for index, folder in enumerate(folders)]
    errors = [process.communicate(timeout=120)[1] for process in children]
    assert [process.returncode for process in children] == [0] * 4, errors
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        runs = database.execute("SELECT name, status, artifact_uri FROM runs").fetchall()
    assert sorted(run[:2] for run in runs) == [(f"run{n}", "FINISHED") for n in range(4)]
    assert all(run[2].startswith(f"{tmp_path}/mlruns/task/") for run in runs)
    assert list(tmp_path.glob(".dvc/tmp/exps/**/mlflow.db")) == []
    assert sorted(path.name for path in (tmp_path / "mlruns").iterdir()) == [".lock"]


SAME_DATA = """
import sys, time
from pathlib import Path
from pipelines import tracking
tracking.client()
Path(sys.argv[1]).touch()
while len(list(Path().glob("ready*"))) < 4:
    time.sleep(0.001)
for digest in map(str, range(10)):
    about = {"identity": {"code": sys.argv[1], "data": digest, "params": ""}, "params": {}}
    dataset = {"name": "sms", "digest": digest, "source": "sms.csv"}
    with tracking.start("task", sys.argv[1], **about, tags={}, dataset=dataset):
        pass
"""


@pytest.mark.slow
def test_four_processes_that_first_use_the_same_data(place):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SAME_DATA, f"ready{number}"],
            env={**os.environ, "PYTHONPATH": str(HERE)}, stderr=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    errors = [process.communicate(timeout=300)[1] for process in children]
    assert [process.returncode for process in children] == [0] * 4, errors
    runs = live_runs("task")
    assert len(runs) == 40
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert all(len(run.inputs.dataset_inputs) == 1 for run in runs)


def test_locked_database_is_waited_for(place, monkeypatch):
    tracking.client()
    database = sqlite3.connect(place / "mlflow.db", isolation_level=None, check_same_thread=False)
    database.execute("BEGIN IMMEDIATE")
    release = threading.Timer(1.0, lambda: (database.rollback(), database.close()))
    release.start()
    before = time.monotonic()
    with started() as run:
        run.metrics({"a": 1})
    assert time.monotonic() - before > 0.8
    release.join()
    assert curve(run.id, "a") == [(0, 1.0)]


def test_write_ahead_is_switched_on_once_the_lock_is_gone(place):
    path = place / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x)")
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.5, lambda: (writer.rollback(), writer.close()))
    release.start()
    store._write_ahead(path)
    release.join()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_forced_rerun_leaves_one_live_run(place):
    with started() as first, started("repeat0_seed1", parent=first.id) as trial:
        trial.metrics({"train/loss": 1.0}, step=0)
    with pytest.raises(ValueError), started() as failed:
        raise ValueError
    assert {run.info.run_id for run in live_runs()} == {first.id, trial.id, failed.id}
    with started() as second, started("repeat0_seed1", parent=second.id) as again:
        pass
    with started(units=32) as other:
        pass
    assert {run.info.run_id for run in live_runs()} == {second.id, again.id, other.id}
    # The files of the first come back out of DVC's cache: so does its run.
    record = {"run_id": first.id, "task": "text_classification", "key": "sms_gru"}
    with tracking.resume(record, files=place):
        pass
    assert {run.info.run_id for run in live_runs()} == {first.id, trial.id, other.id}


def test_nested_runs_show_their_parent(place, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)  # overrides mlflow's own parent_run_id
    with started() as run, started("repeat0_seed1", parent=run.id) as trial:
        assert trial.record()["parent"] == run.id
    assert tracking.client().get_parent_run(trial.id).info.run_id == run.id


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_metric_is_refused_and_nothing_written(place, value):
    with started() as run:
        with pytest.raises(UserError) as error:
            run.metrics({"train/loss": 1.0, "val/loss": value}, step=4)
        assert error.value.code == "metric-not-finite"
        assert error.value.key == "metric val/loss at step 4"
        assert tracking.client().get_run(run.id).data.metrics == {}


def test_undefined_metric_is_named(place):
    with started() as run:
        run.metrics({"test/auc": None, "test/f1": None, "test/accuracy": 1.0})
        run.metrics({"test/f1": 0.5})
        read = tracking.client().get_run(run.id)
        assert read.data.metrics == {"test/accuracy": 1.0, "test/f1": 0.5}
        assert read.data.tags["undefined_metrics"] == "test/auc"


def test_resume_continues_the_run(place):
    with started() as run:
        record = json.loads(json.dumps(run.record()))
    ended = tracking.client().get_run(run.id).info.end_time
    with pytest.raises(ValueError), tracking.resume(record, files=place):
        raise ValueError("broken")
    assert tracking.client().get_run(run.id).info.status == "FAILED"
    with tracking.resume(record, files=place) as resumed:
        assert resumed.id == run.id
        assert tracking.client().get_run(run.id).info.status == "RUNNING"
        resumed.metrics({"test/accuracy": 0.9})
    read = tracking.client().get_run(run.id)
    assert (read.info.status, read.info.end_time) == ("FINISHED", ended)
    assert read.data.tags["ended_because"] == "" and read.data.metrics["test/accuracy"] == 0.9


def train(place, key="sms_gru"):
    """What the train and evaluate stages leave behind: a record, curves and results."""
    folder = place / "data" / "trained" / key
    (folder / "repeat0_seed1").mkdir(parents=True)
    with started(key, tags={"license": "CC0"}) as run:
        rows = ["epoch,train/loss,val/loss"]
        for epoch in range(1200):
            run.metrics({"train/loss": 1 / (1 + epoch)}, step=epoch) if epoch < 3 else None
            rows.append(f"{epoch},{1 / (1 + epoch)!r},")
        run.metrics({"train/seconds": 12.5})
        (folder / "run.json").write_text(json.dumps(run.record()))
    (folder / "repeat0_seed1" / "history.csv").write_text("\n".join(rows[:4]) + "\n")
    results = place / "data/metrics" / key / "scores" / TRACKED
    results.parent.mkdir(parents=True)
    results.write_text(json.dumps({"test/accuracy": 0.9, "test/auc": None}))
    (results.parent / SUMMARY).write_text("[roc]({run}/artifacts/figures/roc.png)")
    figures = place / "data/metrics" / key / "figures"
    figures.mkdir()
    (figures / "roc.png").write_bytes(b"png")
    with tracking.resume({"run_id": run.id}, files=folder) as run:
        run.trained(folder / "repeat0_seed1", "repeat0_seed1")
        run.results(results)
    return tracking.client().get_run(run.id)


def names_below(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


def forget(place, empty_store):
    """The store of a fresh clone."""
    store._clients.clear()
    for path in place.glob("mlflow.db*"):
        path.unlink()
    moved = place.rename(place.with_name("clone"))
    os.chdir(moved)
    shutil.copy(empty_store, moved / "mlflow.db")
    return moved


def test_restore_round_trip(place, empty_store):
    first = train(place)
    clone = forget(place, empty_store)
    assert entries.find(first.info.run_id) is None
    rebuilt = tracking.restore_all(clone)
    assert [(run["key"], run["original_run_id"]) for run in rebuilt] == [
        ("sms_gru", first.info.run_id)
    ]
    again = tracking.client().get_run(rebuilt[0]["run_id"])
    assert again.data.params == first.data.params
    assert again.data.metrics == first.data.metrics
    assert curve(again.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert again.inputs.dataset_inputs[0].dataset == first.inputs.dataset_inputs[0].dataset
    added = {"restored_from", "original_run_id"}
    changed = {name for name, text in again.data.tags.items() if first.data.tags.get(name) != text}
    assert changed == added | {artifacts.NOTE}, "the description links to files of its run"
    assert again.info.run_id in again.data.tags[artifacts.NOTE]
    assert set(first.data.tags) | added == set(again.data.tags)
    files = clone / "mlruns/text_classification" / again.info.run_id / "artifacts"
    assert (files / "figures" / "roc.png").read_bytes() == b"png"
    before = clone / "mlruns/text_classification" / first.info.run_id / "artifacts"
    assert names_below(files) == names_below(before) >= {"trained/repeat0_seed1/history.csv"}
    times = [(run.info.status, run.info.start_time) for run in (first, again)]
    assert times[0] == times[1]
    assert tracking.restore_all(clone) == []
    assert tracking.restore(clone / "data/trained/sms_gru") == again.info.run_id
    assert len(live_runs()) == 1


def test_resume_of_an_unknown_run_rebuilds_it_once(place, empty_store):
    first = train(place)
    clone = forget(place, empty_store)
    folder = clone / "data/trained/sms_gru"
    record = json.loads((folder / "run.json").read_text())
    ids = set()
    for score in (0.5, 0.6):
        with tracking.resume(record, files=folder) as run:
            run.metrics({"test/accuracy": score})
        ids.add(run.id)
    assert len(ids) == 1 and first.info.run_id not in ids
    (read,) = live_runs()
    assert read.data.tags["restored_from"] == str(folder / "run.json")
    assert (read.data.metrics["test/accuracy"], read.info.status) == (0.6, "FINISHED")


def test_restore_keeps_replicates_below_their_parent(place, empty_store):
    folder = place / "data/trained/forecast"
    with started("forecast") as run:
        for seed in ("1", "2"):
            (folder / seed).mkdir(parents=True)
            with started(f"forecast_{seed}", parent=run.id) as trial:
                (folder / seed / "history.csv").write_text("epoch,val/loss\n0,0.5\n")
                (folder / seed / "run.json").write_text(json.dumps(trial.record()))
        (folder / "run.json").write_text(json.dumps(run.record()))
    scores = place / "data/metrics/forecast/scores/2" / TRACKED
    scores.parent.mkdir(parents=True)
    scores.write_text('{"test/mae": 2.5}')
    clone = forget(place, empty_store)
    parent, *trials = [run["run_id"] for run in tracking.restore_all(clone)]
    assert len(trials) == 2
    for run_id in trials:
        assert tracking.client().get_run(run_id).data.tags["mlflow.parentRunId"] == parent
        assert curve(run_id, "val/loss") == [(0, 0.5)]
    assert curve(trials[1], "test/mae") == [(0, 2.5)] and curve(trials[0], "test/mae") == []


def test_broken_history_names_its_line(place, empty_store):
    train(place)
    clone = forget(place, empty_store)
    history = clone / "data/trained/sms_gru/repeat0_seed1/history.csv"
    history.write_text("epoch,val/loss\n0,1.0\n1\n")
    with pytest.raises(UserError) as error:
        tracking.restore_all(clone)
    assert error.value.code == "row-incomplete"
    assert (error.value.path, error.value.line) == (str(history), 3)


def test_moved_repository_is_refused(place):
    with started():
        pass
    store._clients.clear()
    os.chdir(place.rename(place.with_name("moved")))
    with pytest.raises(UserError) as error, started():
        pytest.fail("must not be entered")
    assert (error.value.code, error.value.path) == ("artifacts-elsewhere", "mlflow.db")


def test_wrong_use_is_an_error(place):
    options = {"params": {}, "tags": {}, "dataset": None}
    with (
        pytest.raises(ValueError, match="identity"),
        tracking.start("t", "k", identity={}, **options),
    ):
        pytest.fail("must not be entered")
    with (
        pytest.raises(UserError) as error,
        started(tags={"note": "x" * 8001}),
    ):
        pytest.fail("must not be entered")
    assert (error.value.code, error.value.key) == ("tag-too-long", "tag note")


def test_store_errors_are_not_swallowed(place):
    with pytest.raises(MlflowException, match="must be in the 'active' state"), started() as run:
        tracking.client().delete_run(run.id)
        run.metrics({"a": 1.0})


def test_forked_child_may_not_use_the_parents_connections(place):
    tracking.client()
    pid = os.fork()
    if pid == 0:
        try:
            tracking.client()
        except RuntimeError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
