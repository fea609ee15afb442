"""Fixtures for all tests.

`built` is made once a session and only read; `copy_of` gives a test a copy that it may change.
Stages are run by one fork server for all tests.
"""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest

from tests.support.project import ENVIRON, NAMES, PARAMS, ROOT, ROWS, TELL_ADDRESS, Project

# A shell starts jobs in the background with these ignored, and every process that a test starts
# would ignore them as well.
for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(signum) == signal.SIG_IGN:
        handler = signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL
        signal.signal(signum, handler)


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """The working directory is a new one, and what is written there need not outlive a crash."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # slow, and tested elsewhere


@pytest.fixture(scope="session")
def environ(tmp_path_factory):
    """The environment of a user who has DVC and MLflow as they come, and no server."""
    own = tmp_path_factory.mktemp("dvc")
    places = {f"DVC_{name}_DIR": str(own / name) for name in ("SITE_CACHE", "GLOBAL_CONFIG")}
    path = f"{sys.prefix}/bin{os.pathsep}{ENVIRON['PATH']}"
    return {**ENVIRON, **NAMES, **places, "PATH": path, "GIT_CONFIG_GLOBAL": os.devnull}


@pytest.fixture(scope="session")
def served(environ):
    """The same with a fork server for all stages."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "pipelines.runtime.forkserver", sys.executable, "-c", TELL_ADDRESS],
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
def fresh(tmp_path_factory, served):
    """A project in which nothing has run yet. Not to be changed: copy it."""
    project = Project(tmp_path_factory.mktemp("fresh") / "project", served)
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
    return project


@pytest.fixture(scope="session")
def built(tmp_path_factory, fresh):
    """A project in which `dvc repro` has run, and dvc.lock is committed. Not to be changed."""
    project = fresh.copy(tmp_path_factory.mktemp("built") / "project")
    project.reproduced = project.dvc("repro")
    project.commit()
    return project


@pytest.fixture
def copy_of(tmp_path) -> Callable[[Project], Project]:
    """A copy of a project for one test to change."""
    return lambda project: project.copy(tmp_path / "project")


@pytest.fixture
def mark() -> str:
    """The value of TEST_MARK, by which a test finds the processes it started."""
    return uuid.uuid4().hex
