"""The installation from a lock file: what is announced, and what uv is called with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.runtime import install

LOCK = """alpha==1.0 \\
    --hash=sha256:aa
uv==2.0 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
uvloop[extra]==3.0 \\
    --hash=sha256:dd
"""
UV = """#!/bin/sh
echo "$@" > "{folder}/arguments"
echo "$UV_DEFAULT_INDEX" > "{folder}/index"
exit {status}
"""


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    return path


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """Puts a program in the place of uv that writes down how it was called."""

    def put(status: int) -> None:
        path = tmp_path / "uv"
        path.write_text(UV.format(folder=tmp_path, status=status))
        path.chmod(0o755)
        monkeypatch.setattr(install, "uv", lambda: path)

    return put


def test_the_entry_of_a_package_has_all_its_hashes():
    expected = "uv==2.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    assert install.entry(LOCK, "uv") == expected


def test_uv_has_to_be_in_the_lock_file():
    with pytest.raises(SystemExit, match="make lock"):
        install.entry(LOCK, "pip")


def test_what_is_done_is_announced_first(lock, uv, capsys):
    uv(0)
    assert install.main([str(lock), "--size", "1 GB"]) == 0
    first, *_, last = capsys.readouterr().err.splitlines()
    assert "3 packages" in first and "1 GB" in first
    assert last == "install: done"


def test_uv_checks_hashes_and_compiles(lock, uv, tmp_path):
    uv(0)
    install.main([str(lock), "--size", ""])
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[:2] == ["pip", "install"]
    assert {"--require-hashes", "--compile-bytecode", sys.executable} <= set(arguments)


def test_a_failure_names_the_way_without_uv(lock, uv, capsys):
    uv(4)
    assert install.main([str(lock), "--size", ""]) == 4
    assert f"-m pip install --require-hashes -r {lock}" in capsys.readouterr().err


@pytest.mark.parametrize(("set_for_uv", "index"), [(None, "pip.test"), ("uv.test", "uv.test")])
def test_pips_index_is_used_unless_uv_has_another(
    lock, uv, tmp_path, monkeypatch, set_for_uv, index
):
    uv(0)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.test/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    if set_for_uv:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"https://{set_for_uv}/simple")
    install.main([str(lock), "--size", ""])
    assert (tmp_path / "index").read_text().strip() == f"https://{index}/simple"


def test_it_runs_without_any_package(lock):
    """As it does before the first installation: no site-packages, and no uv there either."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-S", "-m", "pipelines.runtime.install", "--help"]
    subprocess.run(command, cwd=root, check=True, capture_output=True, env={**os.environ})
