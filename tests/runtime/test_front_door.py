"""The front door by itself: command line, choice of interpreter, signals in a stage."""

import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.front_door import FRONT_DOOR

PIPELINES = Path(__file__).parents[2] / "pipelines"
# Stages whose work is the code in their params file.
WITH_KEY = "def run(params_file, key):\n    exec(params_file.read_text(), {'key': key})\n"
WITHOUT_KEY = "def run(params_file):\n    exec(params_file.read_text(), {})\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python with no packages at all."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    return folder / "bin/python"


@pytest.fixture
def project(tmp_path):
    return copy_project(tmp_path / "project")


def copy_project(folder):
    (folder / "pipelines").mkdir(parents=True)
    for name in (*FRONT_DOOR, "stages/__init__.py", "commands/__init__.py"):
        (folder / "pipelines" / name).parent.mkdir(exist_ok=True)
        shutil.copy(PIPELINES / name, folder / "pipelines" / name)
    (folder / "pipelines/stages/train.py").write_text(WITH_KEY)
    (folder / "pipelines/stages/prepare.py").write_text(WITH_KEY)
    (folder / "pipelines/commands/report.py").write_text(WITHOUT_KEY)
    return folder


def pipelines(project, *arguments, python=sys.executable, code="", environ=None):
    (project / "params.yaml").write_text(code)
    return subprocess.run(
        [python, "-m", "pipelines", *arguments],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
    )


def start(project, code):
    """A stage that has printed its first line, and so has reached the place after that."""
    (project / "params.yaml").write_text(code)
    stage = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "train", "k"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert stage.stdout.readline() == "ready\n"
    return stage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian", "k"], "invalid choice: 'trian'"),
        (["train"], "train needs the key"),
        (["report", "k"], "report takes no key; found 'k'"),
        ([], "required: stage"),
    ],
)
def test_command_line_mistakes_are_errors(project, arguments, message):
    done = pipelines(project, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_stage_gets_its_key_and_the_default_params_file(project):
    assert pipelines(project, "train", "lenet", code="print(key)").stdout == "lenet\n"


def test_keyless_stage_and_another_params_file(project):
    (project / "other.yaml").write_text("print('from other')")
    done = pipelines(project, "report", "--params", "other.yaml", code="print('from params')")
    assert done.stdout == "from other\n"


def test_refusal_is_one_sentence_and_status_2(project):
    error = "UserError('two-labels', 'give one', path='a', line=3)"
    code = f"from pipelines.config.errors import UserError; raise {error}"
    done = pipelines(project, "prepare", "k", code=code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error[two-labels]: a, line 3: give one\n"


def test_other_errors_keep_their_traceback(project):
    done = pipelines(project, "train", "k", code="1 / 0")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_nothing_heavy_is_imported_before_the_stage(project):
    code = "import sys; print({'numpy', 'keras', 'tensorflow', 'mlflow'} & set(sys.modules))"
    assert pipelines(project, "train", "k", code=code).stdout == "set()\n"


def test_defaults_are_quiet_and_give_way_to_the_user(project):
    code = "import os; print(os.environ['MLFLOW_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'])"
    environ = {"DO_NOT_TRACK": "false"}
    done = pipelines(project, "train", "k", code=code, environ=environ)
    assert done.stdout == "true false\n"


def test_of_the_way_in_only_the_address_is_seen_by_the_stage(project):
    code = "import os; print([name for name in os.environ if name.startswith('PIPELINES')])"
    environ = {"PIPELINES_FORKSERVER": "/nowhere", "PIPELINES_SENT_ON": "/nowhere"}
    done = pipelines(project, "train", "k", code=code, environ=environ)
    assert done.stdout == "['PIPELINES_FORKSERVER']\n"


def test_work_goes_on_in_the_nearest_venv(tmp_path, bare):
    venv.create(tmp_path / ".venv", symlinks=True)
    packages = next((tmp_path / ".venv").glob("lib/python*/site-packages"))
    (packages / "keras.py").write_text("")
    project = copy_project(tmp_path / ".dvc/tmp/exps/temp")
    code = "import sys; print(sys.prefix, key); sys.exit(5)"
    done = pipelines(project, "train", "k", python=bare, code=code)
    assert done.stdout == f"{tmp_path / '.venv'} k\n"
    assert done.returncode == 5


def test_venv_without_the_packages_is_refused_and_not_tried_again(tmp_path, bare):
    venv.create(tmp_path / ".venv", symlinks=True)
    done = pipelines(copy_project(tmp_path / "project"), "train", "k", python=bare)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error[packages-missing]: {tmp_path / '.venv'}: ")
    assert "make install" in done.stderr


def test_no_venv_anywhere_is_refused(project, bare):
    done = pipelines(project, "train", "k", python=bare)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error[packages-missing]: {project}: ")
    assert "make install" in done.stderr


CLEANS_UP = """
import atexit, time
atexit.register(print, "exit functions ran")
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    print("cleaned up")
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_stopped_stage_unwinds_and_then_dies_by_the_signal(project, signum):
    stage = start(project, CLEANS_UP)
    stage.send_signal(signum)
    out, err = stage.communicate(timeout=10)
    assert stage.returncode == -signum
    assert out == "cleaned up\nexit functions ran\n"
    assert ("KeyboardInterrupt" in err) == (signum == signal.SIGINT)


def test_repeated_sigterm_does_not_cut_the_cleaning_up(project):
    code = """
import os, signal, time
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)
    print("cleaned up")
"""
    stage = start(project, code)
    stage.send_signal(signal.SIGTERM)
    assert stage.communicate(timeout=10)[0] == "cleaned up\n"
    assert stage.returncode == -signal.SIGTERM


def test_error_while_cleaning_up_is_not_lost(project):
    code = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    raise RuntimeError("the store is locked")
"""
    stage = start(project, code)
    stage.send_signal(signal.SIGTERM)
    assert "RuntimeError: the store is locked" in stage.communicate(timeout=10)[1]
    assert stage.returncode == -signal.SIGTERM
