"""Fixtures for all tests, and how tests are divided among the workers of pytest-xdist.

`built` is made once, by one worker for all, and only read; `copy_of` gives a test a copy that it
may change. Stages are run by one fork server a worker.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import (
    ENVIRON,
    NAMES,
    PARAMS,
    PRINT_ADDRESS,
    ROOT,
    ROWS,
    CompletedProcess,
    Project,
)

MEMORY_BYTES = 8 * 2**30  # several times what the tests write at once

# A shell starts jobs in the background with these ignored, and every process that a test starts
# would ignore them as well.
for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(signum) == signal.SIG_IGN:
        handler = signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL
        signal.signal(signum, handler)


def pytest_configure() -> None:
    """Files of the tests in memory where there is room: commits of SQLite take most of their time.

    What a test that passed has written is removed at once (`tmp_path_retention_policy`).
    """
    memory = Path("/dev/shm")
    if memory.is_dir():
        status = os.statvfs(memory)
        free = status.f_bavail * status.f_frsize
        if free > MEMORY_BYTES and not status.f_flag & os.ST_NOEXEC:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, so that no worker has one left at the end; one group a module's fixtures.

    Tests that share a fixture of their module run in one worker, in the order of the file; all
    others go to whichever worker is free.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs.values()
        if any(fixtures[-1].scope in ("module", "class") for fixtures in definitions):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """The working directory is a new one, and what is written there need not outlive a crash."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # slow, and tested elsewhere


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """A database of MLflow without runs: making one takes a second, copying it nothing."""
    from pipelines.tracking import store

    folder = tmp_path_factory.mktemp("empty_store")
    store._prepare(folder)
    return folder / "mlflow.db"


@pytest.fixture
def tracked_folder(empty_folder, empty_store, monkeypatch) -> Path:
    """The working directory is a new one with a store without runs."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_store, "mlflow.db")
    return Path.cwd()


@pytest.fixture(scope="session")
def environ(tmp_path_factory):
    """The environment of a user who has DVC and MLflow as they come, and no server."""
    folder = tmp_path_factory.mktemp("dvc")
    folders = {f"DVC_{name}_DIR": str(folder / name) for name in ("SITE_CACHE", "GLOBAL_CONFIG")}
    path = f"{sys.prefix}/bin{os.pathsep}{ENVIRON['PATH']}"
    return {**ENVIRON, **NAMES, **folders, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull}


@pytest.fixture(scope="session")
def served(environ):
    """The same with a fork server for all stages."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "pipelines.runtime.forkserver", sys.executable, "-c", PRINT_ADDRESS],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield {**environ, "PIPELINES_FORKSERVER": launcher.stdout.readline().strip()}
    launcher.communicate("\n", timeout=30)
    assert launcher.returncode == 0


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id) -> Path:
    """One folder for all workers of this session."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def fresh(shared_folder, served):
    """A project in which nothing has run yet. Not to be changed: copy it."""
    project = Project(shared_folder / "fresh" / "project", served)
    once(project.folder.parent, lambda: create(project))
    return project


@pytest.fixture(scope="session")
def built(shared_folder, fresh):
    """A project in which `dvc repro` has run, and dvc.lock is committed. Not to be changed."""
    project = Project(shared_folder / "built" / "project", fresh.environ)
    once(project.folder.parent, lambda: build(fresh, project))
    output = json.loads((project.folder.parent / "repro.json").read_text("utf-8"))
    project.reproduced = CompletedProcess(**output)
    return project


def once(folder: Path, make: Callable[[], None]) -> None:
    """Has the first worker make a folder, while the others wait for it."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make()
            (folder / "made").touch()


def create(project: Project) -> None:
    """A repository of the files as they are here, with a small data set."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            project.path(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project.path(name))
    with (ROOT / "pipelines/datasets/corpora/sms.csv").open(encoding="utf-8") as corpus:
        lines = [line for line, _ in zip(corpus, range(ROWS + 1), strict=False)]
    project.path("tiny.csv").write_text("".join(lines), "utf-8")
    project.params = PARAMS
    project.path("dvc.lock").unlink(missing_ok=True)
    project.git("init", "-q", "-b", "main")
    project.path(".git/info/exclude").write_text(".venv\n")  # .gitignore names it as a folder
    project.path(".venv").symlink_to(sys.prefix)
    for name in ("user.name", "user.email"):
        project.git("config", name, "test@example.org")
    project.commit()


def build(fresh: Project, project: Project) -> None:
    fresh.copy(project.folder)
    done = project.dvc("repro")
    output = {name: getattr(done, name) for name in ("args", "returncode", "stdout", "stderr")}
    (project.folder.parent / "repro.json").write_text(json.dumps(output), "utf-8")
    project.commit()


@pytest.fixture
def copy_of(tmp_path) -> Callable[[Project], Project]:
    """A copy of a project for one test to change."""
    return lambda project: project.copy(tmp_path / "project")


@pytest.fixture
def mark() -> str:
    """The value of TEST_MARK, by which a test finds the processes it started."""
    return uuid.uuid4().hex
