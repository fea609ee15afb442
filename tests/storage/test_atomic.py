"""Whole or not there: what a fault, an interrupt or a kill leaves behind."""

import os
import subprocess
import sys

import pytest

from pipelines.storage import atomic


def dead_pid():
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "model.keras"
    with atomic.file(path) as tmp:
        tmp.write_text("whole")
        assert tmp.parent == path.parent
        assert tmp.suffix == ".keras"
        assert tmp.name.startswith(".")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["model.keras"]


def test_file_replaces_and_does_not_write_through_a_link(tmp_path):
    cached, path = tmp_path / "cached", tmp_path / "metrics.json"
    cached.write_text("old")
    path.symlink_to(cached)
    with atomic.file(path) as tmp:
        tmp.write_text("new")
    assert path.read_text() == "new"
    assert cached.read_text() == "old"


def test_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "raw"
    for content in ("a", "b"):
        with atomic.folder(path) as tmp:
            (tmp / "deep").mkdir()
            (tmp / "deep" / content).write_text(content)
    assert names(path / "deep") == ["b"]
    assert names(tmp_path) == ["raw"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", [atomic.file, atomic.folder])
def test_a_fault_leaves_the_old_and_nothing_else(tmp_path, kind, fault):
    path = tmp_path / "out"
    with kind(path) as tmp:
        (tmp if kind is atomic.file else tmp / "in").write_text("old")
    with pytest.raises(fault), kind(path) as tmp:
        (tmp if kind is atomic.file else tmp / "in").write_text("half")
        raise fault
    assert names(tmp_path) == ["out"]
    assert (path if kind is atomic.file else path / "in").read_text() == "old"


def test_block_that_wrote_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic.file(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_old_folder_comes_back_if_the_new_one_cannot_be_renamed(tmp_path, monkeypatch):
    path = tmp_path / "out"
    with atomic.folder(path) as tmp:
        (tmp / "old").touch()
    rename = type(path).rename

    def refuse(self, target):
        if self.name.startswith(".tmp-"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(type(path), "rename", refuse)
    with pytest.raises(KeyboardInterrupt), atomic.folder(path):
        pass
    assert names(tmp_path) == ["out"]
    assert names(path) == ["old"]


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path):
    dead, path = dead_pid(), tmp_path / "out.npy"
    gone = [f".tmp-{dead}-0011aaff-out.npy", f".tmp-{os.getpid()}-0011aaff-out.npy"]
    stay = [
        f".tmp-{os.getppid()}-0011aaff-out.npy",
        f".tmp-{dead}-0011aaff-other.npy",
        f".tmp-{dead}-0011aaff-out.npy.gz",
        "mine-out.npy",
    ]
    (tmp_path / gone[0]).mkdir()
    (tmp_path / gone[0] / "half").touch()
    for name in (gone[1], *stay):
        (tmp_path / name).touch()
    with atomic.file(path) as tmp:
        tmp.touch()
    assert names(tmp_path) == sorted([*stay, "out.npy"])


def test_two_writers_of_one_target_in_one_process(tmp_path):
    path = tmp_path / "out"
    with atomic.file(path) as first, atomic.file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the outer block ended last
    assert names(tmp_path) == ["out"]


def test_folder_moved_aside_by_a_killed_process_is_put_back(tmp_path):
    aside = tmp_path / f".old-{dead_pid()}-0011aaff-out"
    aside.mkdir()
    (aside / "only copy").touch()
    with pytest.raises(ValueError), atomic.folder(tmp_path / "out"):
        raise ValueError
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["only copy"]
