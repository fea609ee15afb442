"""Parts of a graph that run side by side."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from pipelines.runtime import side_by_side

GRAPH = {
    "stages": {
        "other": {"cmd": "cp b three", "deps": ["b"], "outs": ["three"]},
        "first": {"cmd": "cp a one", "deps": ["a"], "outs": ["one"]},
        "second": {"cmd": "cp one two", "deps": ["one"], "outs": ["two"]},
    }
}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    Path("dvc.yaml").write_text(yaml.safe_dump(GRAPH, sort_keys=False))
    Path("a").write_text("a")
    Path("b").write_text("b")
    return tmp_path


@pytest.mark.slow
def test_parts_that_have_changed(repository):
    both = [["other"], ["first", "second"]]
    assert side_by_side.changed_parts("dvc.yaml") == ([], both)
    assert side_by_side.main(["--jobs", "2", "dvc.yaml"]) == 0
    assert Path("two").read_text() == "a" and Path("three").read_text() == "b"
    assert side_by_side.changed_parts("dvc.yaml") == ([], [])
    Path("b").write_text("c")
    assert side_by_side.changed_parts("dvc.yaml") == ([], [["other"]])
    Path("two").unlink()
    assert side_by_side.changed_parts("dvc.yaml") == ([], both)


@pytest.mark.slow
def test_stages_of_another_graph_run_only_where_they_are_needed(repository):
    other = {
        "used": {"cmd": "cp ../a x", "deps": ["../a"], "outs": ["x"]},
        "unused": {"cmd": "cp ../two y", "deps": ["../two"], "outs": ["y"]},
    }
    Path("more").mkdir()
    Path("more/dvc.yaml").write_text(yaml.safe_dump({"stages": other}, sort_keys=False))
    reads = {**GRAPH["stages"]["other"], "deps": ["b", "more/x"]}
    Path("dvc.yaml").write_text(
        yaml.safe_dump({"stages": {**GRAPH["stages"], "other": reads}}, sort_keys=False)
    )
    _, parts = side_by_side.changed_parts("dvc.yaml")
    assert sorted(parts) == [["first", "second"], ["more/dvc.yaml:used", "other"]]
    assert side_by_side.main(["--jobs", "2", "dvc.yaml"]) == 0
    assert Path("more/x").exists() and not Path("more/y").exists()


@pytest.mark.slow
def test_what_all_depend_on_runs_before_them(repository):
    stages = {name: {**stage} for name, stage in GRAPH["stages"].items()}
    stages["code"] = {"cmd": "cp c code", "deps": ["c"], "outs": ["code"]}
    for name in ("first", "other"):
        stages[name]["deps"] = [*stages[name]["deps"], "code"]
    Path("c").write_text("c")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    assert side_by_side.changed_parts("dvc.yaml") == ([], [["code"]])
    assert side_by_side.main(["--jobs", "2", "dvc.yaml"]) == 0
    assert Path("two").exists() and Path("three").exists()
    Path("c").write_text("d")
    assert side_by_side.main(["--jobs", "2", "dvc.yaml"]) == 0
    assert side_by_side.changed_parts("dvc.yaml") == ([], [])


@pytest.mark.slow
def test_a_download_does_not_connect_what_reads_it(repository):
    stages = {name: {**stage} for name, stage in GRAPH["stages"].items()}
    stages["fetch"] = {"foreach": {"a": None, "b": None}, "do": {}}
    stages["fetch"]["do"] = {"cmd": "cp c ${key}.raw", "deps": ["c"], "outs": ["${key}.raw"]}
    for name in ("first", "other"):
        stages[name]["deps"] = [*stages[name]["deps"], "a.raw"]
    Path("c").write_text("c")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    parts = [["other"], ["first", "second"]]
    fetches, rest = side_by_side.changed_parts("dvc.yaml")
    assert (sorted(fetches), rest) == ([["fetch@a"], ["fetch@b"]], parts)
    assert side_by_side.main(["--jobs", "2", "dvc.yaml"]) == 0
    assert Path("two").exists() and Path("three").exists() and Path("b.raw").exists()
    assert side_by_side.changed_parts("dvc.yaml") == ([], [])
    Path("a.raw").unlink()
    assert side_by_side.changed_parts("dvc.yaml") == ([["fetch@a"]], parts)


def sleeps(seconds: float, status: int = 0) -> list[str]:
    return [sys.executable, "-c", f"import sys, time; time.sleep({seconds}); sys.exit({status})"]


def test_a_failure_does_not_stop_the_others(tmp_path):
    file = tmp_path / "done"
    writes = [sys.executable, "-c", f"open({str(file)!r}, 'w')"]
    assert side_by_side.run([sleeps(0, 3), writes], jobs=1) == 3
    assert file.exists()
    assert side_by_side.run([], jobs=1) == 0


def test_no_more_than_jobs_at_once(tmp_path):
    code = (
        "import os, sys, time; folder, name = sys.argv[1:]\n"
        "open(f'{folder}/{name}', 'w'); time.sleep(.3)\n"
        "print(len(os.listdir(folder))); os.remove(f'{folder}/{name}')"
    )
    commands = [[sys.executable, "-c", code, str(tmp_path), str(n)] for n in range(4)]
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, len(list(tmp_path.iterdir())))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    side_by_side.run(commands, jobs=2)
    done.set()
    watcher.join()
    assert most == 2


def test_sigterm_ends_what_runs():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    start = time.monotonic()
    with pytest.raises(SystemExit) as ended:
        side_by_side.run([sleeps(60), sleeps(60), sleeps(60)], jobs=2)
    assert ended.value.code == 128 + signal.SIGTERM
    assert time.monotonic() - start < 20
