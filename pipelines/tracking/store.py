"""Where runs are kept: the server that MLFLOW_TRACKING_URI names, or one SQLite file.

The file is `mlflow.db` in the root of the main repository, with artifacts in `mlruns/` beside it:
MLflow's own default, so a bare `mlflow ui` in the root shows everything. DVC's temporary copies of
the repository (`dvc exp run --temp`, `--queue`) write to the main one.

MLflow cannot create its schema from several processes at once, and a process that dies half-way
leaves a database that no longer opens. So it is created under a lock, beside its final name.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from pipelines.config.errors import UserError
from pipelines.tracking import origin

LOCKED_TIMEOUT_S = 60
PAGE = 1000
_opened: dict[str, tuple[int, MlflowClient]] = {}


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
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}"
    pid, opened = _opened.get(uri, (os.getpid(), None))
    if pid != os.getpid():
        raise RuntimeError(
            f"{uri}: opened by process {pid} before it forked this one; "
            "fork first, then open, as SQLite connections do not survive a fork"
        )
    if opened is None:
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            _prepare(root())
        opened = MlflowClient(tracking_uri=uri, registry_uri=uri)
        _opened[uri] = (pid, opened)
        _mark_dead(opened)
    return opened


def experiment(store: MlflowClient, task: str) -> str:
    """The id of the experiment named after the task, created where it does not exist."""
    local = not os.environ.get("MLFLOW_TRACKING_URI")
    with alone():
        return _experiment(store, task, root() / "mlruns" / task if local else None)


@contextmanager
def alone() -> Iterator[None]:
    """For what MLflow looks up and then adds: where two do so at once, the second one fails.

    Nobody else does it meanwhile; but for other clients of a server, which has no lock to take.
    """
    if os.environ.get("MLFLOW_TRACKING_URI"):
        yield
    else:
        with _lock(root()):
            yield


def all_runs(store: MlflowClient, where: str, view: int) -> list[Run]:
    """Every run of every experiment that matches a filter string, newest first."""
    experiments = [found.experiment_id for found in store.search_experiments(max_results=PAGE)]
    runs, token = [], None
    while True:
        page = store.search_runs(experiments, where, view, max_results=PAGE, page_token=token)
        runs.extend(page)
        token = page.token
        if not token:
            return runs


def _experiment(store: MlflowClient, task: str, artifacts: Path | None) -> str:
    found = store.get_experiment_by_name(task)
    if found is None:
        try:
            return store.create_experiment(task, str(artifacts) if artifacts else None)
        except MlflowException as error:
            # A server has no lock that we can take: another client may have been faster.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = store.get_experiment_by_name(task)
    if artifacts and found.artifact_location != str(artifacts):
        raise UserError(
            f"mlflow.db: experiment {task} keeps its files in {found.artifact_location}, not in "
            f"{artifacts} (was the repository moved?); move it back, or set mlflow.db aside and "
            "rebuild it with: python -m pipelines restore"
        )
    return found.experiment_id


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    path = folder / "mlruns" / ".lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _prepare(folder: Path) -> None:
    """Creates the database where there is none and sees to it that it is in WAL mode."""
    path = folder / "mlflow.db"
    with _lock(folder):
        if not path.exists():
            _create(path, folder / "mlruns")
        _write_ahead(path)


def _create(path: Path, artifacts: Path) -> None:
    partial = artifacts / ".mlflow.db.partial"
    for leftover in artifacts.glob(f"{partial.name}*"):
        leftover.unlink()
    # The constructor runs all migrations, and places MLflow's "Default" experiment in `artifacts`
    # rather than in the working directory.
    SqlAlchemyStore(f"sqlite:///{partial}", str(artifacts)).engine.dispose()
    _write_ahead(partial)
    partial.replace(path)


def _write_ahead(path: Path) -> None:
    """Readers then never wait for a writer. The mode is kept in the file: switched on once."""
    give_up = time.monotonic() + LOCKED_TIMEOUT_S
    with closing(sqlite3.connect(path, timeout=LOCKED_TIMEOUT_S)) as database:
        while True:
            try:
                mode = database.execute("PRAGMA journal_mode").fetchone()[0]
                if mode != "wal":
                    mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
                break
            except sqlite3.OperationalError as error:
                # SQLite does not wait by itself when the mode is what is being changed.
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.1)
    if mode != "wal":
        raise UserError(f"{path}: SQLite stays in {mode} mode; keep it on a local disk")


def _mark_dead(store: MlflowClient) -> None:
    where = f"attributes.status = 'RUNNING' and tags.`process.host` = '{origin.HOST}'"
    for run in all_runs(store, where, ViewType.ACTIVE_ONLY):
        if not origin.lives(run.data.tags):
            pid = run.data.tags["process.pid"]
            store.set_tag(run.info.run_id, "ended_because", f"process {pid} died; found later")
            store.set_terminated(run.info.run_id, "KILLED", run.info.end_time)
