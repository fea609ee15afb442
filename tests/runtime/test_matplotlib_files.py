"""A home directory that cannot be written: figures are drawn, and nothing is printed about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.runtime import forkserver
from pipelines.runtime.fork_client import fingerprint

ROOT = Path(__file__).parents[2]
# What a stage does: a child of the server draws after another one has ended.
DRAW = """
import os, sys
import matplotlib
if not os.fork():
    sys.exit()
os.wait()
import matplotlib.pyplot as plt
plt.switch_backend("Agg")
plt.figure().savefig("figure.png")
print(matplotlib.get_cachedir())
"""


@pytest.fixture
def settings(monkeypatch, tmp_path):
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.mark.parametrize("home", ["/proc", "/dev/null", "/nowhere/at/all", "/proc/self/fdinfo"])
def test_a_home_that_cannot_be_written(settings, tmp_path, home):
    if home.startswith("/nowhere"):
        settings.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError))
    settings.setenv("HOME", home)
    before = fingerprint(sys.prefix)
    forkserver.keep_matplotlib_files(tmp_path)
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "matplotlib")
    assert fingerprint(sys.prefix) != before, "server and stages must agree on the folder"


def test_one_of_the_two_folders_cannot_be_written(settings, tmp_path):
    settings.setenv("XDG_CACHE_HOME", "/proc")
    forkserver.keep_matplotlib_files(tmp_path)
    assert "MPLCONFIGDIR" in os.environ


def test_a_home_that_can_be_written_is_left_alone(settings, tmp_path):
    forkserver.keep_matplotlib_files(tmp_path)
    assert "MPLCONFIGDIR" not in os.environ


def test_the_users_folder_is_left_alone(settings, tmp_path):
    settings.setenv("HOME", "/proc")
    settings.setenv("MPLCONFIGDIR", "mine")
    forkserver.keep_matplotlib_files(tmp_path)
    assert os.environ["MPLCONFIGDIR"] == "mine"


def test_nothing_is_printed_and_nothing_is_left(settings, tmp_path):
    environ = {
        **os.environ, "HOME": "/proc", "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path),
    }  # fmt: skip
    command = [sys.executable, "-m", "pipelines.runtime.forkserver", sys.executable, "-c", DRAW]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pipelines-" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"figure.png"}
