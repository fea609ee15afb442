"""Faults of the machine, each by its real condition: told in one sentence, and mended by its cure.

A small disk and a machine without a network are made in namespaces of their own (`unshare`), which
some systems do not allow their users; those tests are left out there.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipelines.runtime import machine_errors
from pipelines.stages.fetch import MIRROR
from tests.support.project import CNN, ROOT, distinct_text
from tests.support.sizes import nightly

UNSHARE = ("unshare", "--user", "--map-root-user")
# Mounts a disk ($1: its options) on a folder ($2), then runs the rest.
MOUNTED = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'
ROWS = "text,label\n" + "".join(
    f"{distinct_text(number)},{'spam' if number % 2 else 'ham'}\n" for number in range(120)
)
PARAMS = """
seed: 1
datasets:
  tiny:
    recipe: text_csv
    source: tiny.csv
    options: {inputs: {words: {granularity: word, vocabulary_size: 50, max_tokens: 4}}}
warm_starts: {}
experiments: {}
downloads:
  tiny: {texts: {sha256: %s, urls: ["http://data.example.org/texts"]}}
"""
# A stage whose work is in a file beside it, with a run that is tracked.
STAGE = """
from pathlib import Path
from pipelines import tracking
def run(params_file, key):
    identity = {"code": "c", "data": "d", "params": key}
    about = {"identity": identity, "params": {}, "tags": {}, "dataset": None}
    with tracking.start("task", key, **about) as run:
        exec(Path("work.py").read_text(), {"run": run})
"""
DROP_RIGHTS = ("setpriv", "--bounding-set", "-dac_override")  # root may write to all that it owns


def allowed(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


small_disk = pytest.mark.skipif(
    not allowed(*UNSHARE, "--mount", "sh", "-c", MOUNTED, "sh", "size=1m", "/mnt", "true"),
    reason="this system does not let its users mount a small disk in a namespace",
)
no_network = pytest.mark.skipif(
    not allowed(*UNSHARE, "--net", "true"), reason="no namespaces for the network here"
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project's own code and a small data set; `train` does what work.py says."""
    folder = tmp_path / "project"
    for name in ("pipelines", "models"):
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=compiled)
    (folder / "pipelines/stages/train.py").write_text(STAGE)
    (folder / "tiny.csv").write_text(ROWS)
    (folder / "params.yaml").write_text(PARAMS % ("ab" * 32))
    (folder / ".dvc").mkdir()
    for name in ("MLFLOW_TRACKING_URI", "PIPELINES_FORKSERVER", MIRROR):
        monkeypatch.delenv(name, raising=False)
    return folder


def pipelines(folder: Path, *arguments: str, before=(), **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*before, sys.executable, "-m", "pipelines", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300, **options,
    )  # fmt: skip


def on_disk(options: str, folder: str, *rest: str) -> tuple[str, ...]:
    return (*UNSHARE, "--mount", "sh", "-c", MOUNTED, "sh", options, folder, *rest)


def error_line(done: subprocess.CompletedProcess) -> str:
    """The one line that an error is printed in."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error[")]
    return line


# The disk


@small_disk
def test_a_full_disk_is_named_and_room_on_it_is_the_cure(project):
    (project / "data/prepared").mkdir(parents=True)
    script = (
        f"{sys.executable} -m pipelines prepare tiny; status=$?; ls -A data/prepared >&2; "
        "mount -o remount,size=4m data/prepared && "
        f"{sys.executable} -m pipelines prepare tiny && ls -A data/prepared && exit $status"
    )
    done = subprocess.run(
        on_disk("size=16k", "data/prepared", "sh", "-c", script),
        cwd=project, capture_output=True, text=True,
    )  # fmt: skip
    line = error_line(done)
    assert re.match(r"error\[disk-full\]: .*: prepare tiny stopped: ", line)
    assert done.stderr.endswith(f"{line}\n"), "nothing half written is left"
    assert done.stdout.splitlines()[-1] == "tiny"


def test_a_limit_to_the_size_of_files(project):
    line = error_line(
        pipelines(project, "prepare", "tiny", before=("sh", "-c", 'ulimit -f 1; "$0" "$@"'))
    )
    assert line.startswith("error[file-too-large]: ")
    assert list((project / "data/prepared").iterdir()) == []


@small_disk
def test_a_read_only_disk(project):
    (project / "data/prepared").mkdir(parents=True)
    line = error_line(pipelines(project, "prepare", "tiny", before=on_disk("ro", "data/prepared")))
    assert re.match(r"error\[disk-read-only\]: \S*data/prepared/\S+: prepare tiny stopped: ", line)


@pytest.mark.skipif(
    os.getuid() == 0 and not allowed(*DROP_RIGHTS, "true"), reason="root cannot drop its rights"
)
def test_a_read_only_folder(project):
    (project / "data/prepared").mkdir(parents=True)
    (project / "data/prepared").chmod(0o555)
    before = DROP_RIGHTS if os.getuid() == 0 else ()
    line = error_line(pipelines(project, "prepare", "tiny", before=before))
    assert re.match(r"error\[permission-denied\]: \S*data/prepared/\S+: prepare tiny", line)
    (project / "data/prepared").chmod(0o755)
    assert pipelines(project, "prepare", "tiny").returncode == 0


def test_numpy_does_not_say_why_it_could_not_write():
    with pytest.raises(OSError) as raised, Path("/dev/full").open("wb") as full:
        np.save(full, np.zeros(1 << 16))
    assert machine_errors.user_error(raised.value, "train", "tiny").code == "disk-full"


@small_disk
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "folder", "room"),
    [
        ("train", "data/unfinished", "4k"),
        pytest.param("train", "data/unfinished", "24k", marks=nightly),
        ("evaluate", "data/metrics", "700k"),
        ("export", "data/exported", "64k"),
    ],
)
def test_each_stage_on_a_full_disk_and_again_with_room(
    copy_of, built, environ, stage, folder, room
):
    project = copy_of(built)
    project.environ = environ  # a fork server would be outside the small disk
    before = {path: path.read_bytes() for path in project.path("data").rglob("*.json")}
    project.path(folder).mkdir(exist_ok=True)
    aside = project.path("aside")
    shutil.copytree(project.path(folder), aside)
    # Metrics are what export reads.
    fill = f"cp -r {aside}/. {folder}; " if stage == "evaluate" else ""
    script = f"{fill}exec {sys.executable} -m pipelines {stage} {CNN}"
    done = project.run(*on_disk(f"size={room}", folder, "sh", "-c", script), status=2)
    assert re.search(rf"^error\[disk-full\]: .*: {stage} {CNN} stopped: ", done.stderr, re.M)
    assert "Traceback" not in done.stderr
    (run,) = project.runs(f"tags.stage_key = '{CNN}' and attributes.status = 'FAILED'")
    assert "No space left" in run.data.tags["ended_because"] or stage != "train"
    project.environ = built.environ
    project.pipelines(stage, CNN)
    for path, text in before.items():
        if path.is_relative_to(project.path("data/metrics")):
            assert path.read_bytes() == text


# The store


@small_disk
@pytest.mark.slow
def test_a_full_disk_below_the_store(project):
    (project / "work.py").write_text(
        "for step in range(10 ** 6):\n    run.metrics({f'a{n}': 0.5 for n in range(800)}, step)\n"
    )
    disk = project.parent / "disk"
    disk.mkdir()
    script = f"cp -r {project}/. {disk}; cd {disk}; exec {sys.executable} -m pipelines train tiny"
    line = error_line(
        subprocess.run(
            on_disk("size=8m", str(disk), "sh", "-c", script), capture_output=True, text=True
        )
    )
    assert line.startswith("error[disk-full]: mlflow.db: train tiny stopped: ")


@pytest.mark.slow
def test_a_locked_store_is_waited_for_and_that_is_said(project):
    (project / "work.py").write_text(
        "print('begun', flush=True); input(); run.metrics({'a': 1.0}); print('written', flush=True)"
    )
    stage = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "train", "tiny"],
        cwd=project, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert stage.stdout.readline() == "begun\n"
    with sqlite3.connect(project / "mlflow.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        stage.stdin.write("go on\n")
        stage.stdin.flush()
        printed = next(line for line in stage.stderr if "locked" in line)
        assert re.fullmatch(
            r"mlflow\.db: locked by another program; waiting, .* at most 600\n", printed
        )
        assert 1.5 < time.monotonic() - start < 15
        time.sleep(3)
        assert stage.poll() is None
        other.execute("ROLLBACK")
    out, err = stage.communicate(timeout=60)
    assert (out, stage.returncode) == ("written\n", 0), err
    with sqlite3.connect(project / "mlflow.db") as database:
        assert database.execute("SELECT key, value FROM metrics").fetchall() == [("a", 1.0)]
        assert database.execute("SELECT status FROM runs").fetchall() == [("FINISHED",)]


@pytest.mark.slow
def test_a_damaged_store_is_named_with_its_cure(project):
    (project / "work.py").write_text("")
    assert pipelines(project, "train", "tiny").returncode == 0
    with (project / "mlflow.db").open("r+b") as file:
        file.write(b"no database any more" * 9)
    for path in project.glob("mlflow.db-*"):
        path.unlink()
    line = error_line(pipelines(project, "train", "tiny"))
    assert line.startswith("error[store-damaged]: mlflow.db: train tiny stopped: ")


# Memory, clock, network

OUT_OF_MEMORY = """
import re, resource, sys
from pathlib import Path
import pipelines.training.network_fit  # Keras and TensorFlow: not of the batch
now = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv.pop(1)),) * 2)
from pipelines.__main__ import main
sys.exit(main())
"""


@pytest.mark.slow
def test_memory_that_is_not_there(project):
    (project / "work.py").write_text("import numpy; numpy.ones(1 << 40)")
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, str(1 << 31), "train", "tiny"],
        cwd=project, capture_output=True, text=True,
    )  # fmt: skip
    line = error_line(done)
    assert line.startswith("error[memory-exhausted]: memory: train tiny stopped: ")
    assert "experiments.tiny.fit.batch_size" in line
    assert "Unable to allocate 8.00 TiB" in line


@pytest.mark.slow
def test_a_batch_that_does_not_fit_into_memory(copy_of, built, environ):
    """2 GB for one activation of a batch of 84 rows; of four, 0.1 GB.

    TensorFlow's own kernels raise an error; oneDNN's may crash, which the next test is about.
    """
    project = copy_of(built)
    project.environ = {**environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    with project.changed() as params:
        params["experiments"][CNN]["build"]["filters"] = 400_000
        params["experiments"][CNN]["fit"] |= {"batch_size": 96, "epochs": 1}
    done = project.python("-c", OUT_OF_MEMORY, str(1 << 31), "train", CNN, status=2)
    assert f"experiments.{CNN}.fit.batch_size" in done.stderr
    assert "Traceback" not in done.stderr
    with project.changed() as params:
        params["experiments"][CNN]["fit"]["batch_size"] = 4
    project.python("-c", OUT_OF_MEMORY, str(1 << 31), "train", CNN)


@pytest.mark.parametrize(("signum", "name"), [(9, "SIGKILL"), (6, "SIGABRT"), (11, "SIGSEGV")])
def test_a_killed_stage_is_reported_by_its_caller(signum, name):
    error = machine_errors.death_error(-signum, "train", "tiny")
    assert (error.code, error.value) == ("stage-died", name)
    assert "experiments.tiny.fit.batch_size" in str(error)


@pytest.mark.parametrize("status", [0, 1, 2, -15, -2])
def test_other_ends_need_no_explanation(status):
    assert machine_errors.death_error(status, "train", "tiny") is None


@pytest.mark.slow
def test_a_clock_that_went_back(project):
    """The files are then newer than the present: here they are, by an hour."""
    (project / "work.py").write_text("run.metrics({'a': 1.0})")
    assert pipelines(project, "train", "tiny").returncode == 0
    later = time.time() + 3600
    os.utime(project / "mlflow.db", (later, later))
    line = error_line(pipelines(project, "train", "tiny"))
    assert line.startswith("error[clock-behind]: ")
    behind = int(re.search(r"which is ([\d,]+) s later", line)[1].replace(",", ""))
    assert 3500 < behind <= 3600
    subprocess.run("touch mlflow.db* dvc.lock", shell=True, cwd=project, check=True)
    assert pipelines(project, "train", "tiny").returncode == 0


@no_network
def test_fetch_without_a_network(project):
    done = pipelines(project, "fetch", "tiny", before=(*UNSHARE, "--net"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for part in ("http://data.example.org/texts: ", "name resolution", "Set DATASETS_MIRROR"):
        assert part in done.stderr
    assert not (project / "data/raw/tiny").exists()


# What is no fault of the machine


@pytest.mark.parametrize(
    "error",
    [ValueError("No space left on device"), FileNotFoundError(2, "No such file", "x"), KeyError(1)],
)
def test_mistakes_in_the_code_keep_their_traceback(error):
    assert (
        not isinstance(error, machine_errors.os_errors())
        or machine_errors.user_error(error, "train", "k") is None
    )


def test_an_error_is_read_down_to_its_cause():
    """As HDF5 and MLflow wrap what the system told them."""
    with pytest.raises(OSError) as raised:
        try:
            os.open("/proc/version", os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except OSError as error:
            raise OSError("could not close the file") from PermissionError(13, "no", error.filename)
    error = machine_errors.user_error(raised.value, "export", "k")
    assert (error.code, error.path) == ("permission-denied", "/proc/version")
    assert machine_errors.user_error(OSError("?"), "export", "k") is None
