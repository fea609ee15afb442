"""Where runs are kept: the server that MLFLOW_TRACKING_URI names, or one SQLite file.

The file is `mlflow.db` in the root of the main repository, with artifacts in `mlruns/` beside it:
MLflow's own default, so a bare `mlflow ui` in the root shows everything. DVC's temporary copies of
the repository (`dvc exp run --temp`, `--queue`) write to the main one.

MLflow cannot create its schema from several processes at once, and a process that is killed
meanwhile leaves a database that cannot be opened. So it is created under a lock and then renamed.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from pipelines.config.errors import UserError
from pipelines.tracking import address, location, origin

LOCKED_TIMEOUT_S = 60
PAGE = 1000
_clients: dict[str, tuple[int, MlflowClient]] = {}


def root(folder: Path | None = None) -> Path:
    """The main repository that holds `folder` (default: the working directory)."""
    folder = (folder or Path.cwd()).resolve()
    parts = folder.parts
    for index in range(len(parts)):
        if parts[index : index + 3] == (".dvc", "tmp", "exps"):
            return Path(*parts[:index])
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists() or (candidate / ".dvc").exists():
            return candidate
    return folder


def client() -> MlflowClient:
    """The store, opened once a process. The first opening marks runs of dead processes KILLED."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or location.database_uri(root() / "mlflow.db")
    pid, cached = _clients.get(uri, (os.getpid(), None))
    if pid != os.getpid():
        raise RuntimeError(
            f"{uri}: opened by process {pid} before it forked this one; "
            "fork first, then open, as SQLite connections do not survive a fork"
        )
    if cached is None:
        if location.is_local():
            _prepare(root())
        else:
            address.check(uri)
        with address.explained(uri, root() / "mlflow.db"):
            cached = MlflowClient(tracking_uri=uri, registry_uri=uri)
            _mark_dead(cached)
        _clients[uri] = (pid, cached)
    return cached


def experiment(store: MlflowClient, task: str) -> str:
    """The id of the experiment named after the task, created if it does not exist."""
    with exclusive():
        return _experiment(store, task, root() / "mlruns" if location.is_local() else None)


def activate_experiment(run: Run) -> None:
    """Restores the experiment of a run that is to be continued, if it was deleted."""
    store = client()
    with exclusive():
        _activate(store, store.get_experiment(run.info.experiment_id))


def check_location(run: Run) -> None:
    """Refuses to write to a run whose files are not in this project, as after it was moved."""
    if location.is_local():
        location.check(run.info.artifact_uri, root() / "mlruns", f"run {run.info.run_id}")


@contextmanager
def exclusive() -> Iterator[None]:
    """For what MLflow looks up and then adds: if two processes do so at once, the second one fails.

    No other process on this repository is in such a block meanwhile. A server offers no lock, so
    its other clients may be.
    """
    if location.is_local():
        with _lock(root()):
            yield
    else:
        yield


def all_runs(store: MlflowClient, filter_string: str, view: int) -> list[Run]:
    """Every run of every experiment that matches a filter string, newest first.

    Args:
        view: of runs: active, deleted or all. Deleted ones may be of a deleted experiment.
    """
    entries = store.search_experiments(
        ViewType.ACTIVE_ONLY if view == ViewType.ACTIVE_ONLY else ViewType.ALL, max_results=PAGE
    )
    ids = [entry.experiment_id for entry in entries]
    return _search(store, ids, filter_string, view)


def _search(store: MlflowClient, ids: list[str], filter_string: str, view: int) -> list[Run]:
    runs: list[Run] = []
    token = None
    while True:
        page = store.search_runs(ids, filter_string, view, max_results=PAGE, page_token=token)
        runs.extend(page)
        token = page.token
        if not token:
            return runs


def _experiment(store: MlflowClient, task: str, artifacts: Path | None) -> str:
    entry = store.get_experiment_by_name(task)
    if entry is None:
        try:
            uri = location.artifact_uri(artifacts / task) if artifacts else None
            return store.create_experiment(task, uri)
        except MlflowException as error:
            # A server offers no lock: another client may have been faster.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            entry = store.get_experiment_by_name(task)
    assert entry is not None, "an experiment that was created or exists"
    if artifacts:
        location.check(entry.artifact_location, artifacts, f"experiment {task}")
    _activate(store, entry)
    return entry.experiment_id


def _activate(store: MlflowClient, entry: Experiment) -> None:
    """Restores an experiment that was deleted, in MLflow's page for example, without its runs.

    MLflow deletes the runs with it, keeps its name taken and takes no new run.
    """
    if entry.lifecycle_stage == "active":
        return
    store.restore_experiment(entry.experiment_id)  # and all its runs
    print(
        f"experiment {entry.name}: was deleted in MLflow; restored, its earlier runs stay deleted"
    )
    for run in _search(store, [entry.experiment_id], "", ViewType.ACTIVE_ONLY):
        store.delete_run(run.info.run_id)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    path = folder / "mlruns" / ".lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prepare(folder: Path) -> None:
    """Creates the database if there is none, and switches it to WAL mode."""
    path = folder / "mlflow.db"
    with _lock(folder):
        if not path.exists():
            _create(path, folder / "mlruns")
        _write_ahead(path)


def _create(path: Path, artifacts: Path) -> None:
    partial = artifacts / ".mlflow.db.partial"
    for leftover in artifacts.glob(f"{partial.name}*"):
        leftover.unlink()
    # The constructor runs all migrations. The artifacts of MLflow's "Default" experiment would
    # otherwise go to the working directory.
    uri = location.artifact_uri(artifacts)
    SqlAlchemyStore(location.database_uri(partial), uri).engine.dispose()
    _write_ahead(partial)
    for suffix in ("-wal", "-shm"):  # of a database that was renamed: SQLite would take them for
        leftover = path.with_name(f"{path.name}{suffix}")  # those of the new one
        if leftover.exists():
            leftover.rename(leftover.with_name(f"old_{leftover.name}"))
    partial.replace(path)


def _write_ahead(path: Path) -> None:
    """Readers then never wait for a writer. The mode is a property of the file."""
    give_up = time.monotonic() + LOCKED_TIMEOUT_S
    with closing(sqlite3.connect(path, timeout=LOCKED_TIMEOUT_S)) as database:
        while True:
            try:
                mode = database.execute("PRAGMA journal_mode").fetchone()[0]
                if mode != "wal":
                    mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
                break
            except sqlite3.OperationalError as error:
                # SQLite does not wait for a lock by itself when the mode is being changed.
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.1)
    if mode != "wal":
        raise UserError(
            "wal-refused",
            f"SQLite stays in {mode} mode, as on a network disk; keep the file on a local disk",
            path=path,
            value=mode,
        )


def _mark_dead(store: MlflowClient) -> None:
    running = f"attributes.status = 'RUNNING' and tags.`process.host` = '{origin.HOST}'"
    for run in all_runs(store, running, ViewType.ACTIVE_ONLY):
        if not origin.lives(run.data.tags):
            pid = run.data.tags["process.pid"]
            store.set_tag(run.info.run_id, "ended_because", f"process {pid} died; found later")
            store.set_terminated(run.info.run_id, "KILLED", run.info.end_time)
