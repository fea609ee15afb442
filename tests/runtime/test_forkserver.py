"""The fork server: a stage ends, reads and writes as it would in a process of its own.

Most tests use a server with light packages and a copy of the project whose `train` stage runs the
code in its params file. Each test's processes are found by a variable in their environment.
"""

import contextlib
import fcntl
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import time
import uuid
from pathlib import Path

import pytest

from pipelines.runtime.forkserver import PACKAGES
from tests.support.front_door import FRONT_DOOR

PIPELINES = Path(__file__).parents[2] / "pipelines"
FORKING = (*FRONT_DOOR, "runtime/fork_worker.py")
LIGHT = ("colorsys", "numpy")
SERVED = "colorsys"  # imported by the server, and by nothing else
GRACE_S = 0.5
STAGE = "def run(params_file, key):\n    exec(params_file.read_text(), {'key': key})\n"
PRINT_ADDRESS = "import os; print(os.environ['PIPELINES_FORKSERVER'], flush=True); input()"


class Project:
    """A folder with the front door and one stage, and a server for it if it was asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.launchers = []
        self.environ = {**os.environ, "TEST_MARK": self.mark}
        for name in ("PIPELINES_FORKSERVER", "TF_DETERMINISTIC_OPS"):  # other tests may set it
            self.environ.pop(name, None)
        (folder / "pipelines").mkdir(parents=True)
        for name in (*FORKING, "runtime/forkserver.py", "stages/__init__.py"):
            (folder / "pipelines" / name).parent.mkdir(exist_ok=True)
            shutil.copy(PIPELINES / name, folder / "pipelines" / name)
        (folder / "pipelines/stages/train.py").write_text(STAGE)
        shutil.copy(folder / "pipelines/stages/train.py", folder / "pipelines/stages/prepare.py")

    def launch(self, command, packages=LIGHT, **streams):
        call = f"fork_client.leave(forkserver.launch({command}, {packages}, {GRACE_S}))"
        code = f"from pipelines.runtime import fork_client, forkserver; {call}"
        self.launchers.append(self.popen([sys.executable, "-c", code], **streams))
        return self.launchers[-1]

    def launch_and_wait(self, packages=LIGHT):
        """A launcher whose command waits for the end of its input. Stages now find the server."""
        launcher = self.launch([sys.executable, "-c", PRINT_ADDRESS], packages)
        self.environ["PIPELINES_FORKSERVER"] = launcher.stdout.readline().strip()
        return launcher

    def start(self, code, stage="train", ready=True, **options):
        """A stage that runs the code; returned once it has printed its first line, `ready`."""
        params = self.folder / f"{uuid.uuid4().hex}.py"
        params.write_text(code)
        arguments = [stage, "k", "--params", str(params)]
        process = self.popen([sys.executable, "-m", "pipelines", *arguments], **options)
        if ready:
            assert process.stdout.readline() == "ready\n"
        return process

    def run(self, code, **options):
        process = self.start(code, ready=False, **options)
        out, err = process.communicate("from the caller\n", timeout=30)
        return process.returncode, out, err

    def popen(self, command, **options):
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        options = {"cwd": self.folder, "env": self.environ, "text": True, **streams, **options}
        return subprocess.Popen(command, **options)

    @property
    def server_folder(self):
        return Path(self.environ["PIPELINES_FORKSERVER"]).parent

    def close(self):
        """Ends what a test has left to run, the hard way, and checks that nothing stays."""
        for launcher in self.launchers:
            launcher.kill()
        until(lambda: processes(self.mark) == [])
        if "PIPELINES_FORKSERVER" in self.environ:
            assert not self.server_folder.exists()


def processes(mark):
    """All that were started with the mark in their environment, zombies left out."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if mark.encode() in (folder / "environ").read_bytes():
                pids.append(int(folder.name))
    return pids


def until(condition, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(0.01)


def state(pid):
    """One letter, as `ps` has it; Z, dead, where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def dead(*pids):
    return all(state(pid) == "Z" for pid in pids)


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path / "project")
    yield project
    project.close()


@pytest.fixture
def server(project):
    """A launcher that this test may hurt."""
    return project.launch_and_wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("shared") / "project")
    launcher = project.launch_and_wait()
    yield project
    launcher.communicate("\n", timeout=10)
    assert launcher.returncode == 0
    assert processes(project.mark) == []


@pytest.fixture(params=["alone", "served"])
def either(request, shared):
    """The same project without and with its server."""
    environ = dict(shared.environ)
    if request.param == "alone":
        shared.environ.pop("PIPELINES_FORKSERVER")
    yield shared
    shared.environ = environ


# The same either way


def test_nothing_is_imported_before_a_stage_connects(project):
    """A second `make repro`, which runs no stage, pays for no import."""
    project.launch_and_wait(("antigravity_is_no_module", *LIGHT)).communicate("\n", timeout=10)
    assert project.launchers[0].returncode == 0
    project.launch_and_wait()
    ready = project.server_folder / "ready"
    assert not ready.exists()
    assert project.run("print('prepared')", stage="prepare")[1] == "prepared\n"
    until(ready.exists)


def test_the_server_serves(shared):
    code = f"import sys; print({SERVED!r} in sys.modules)"
    assert shared.run(code)[1] == "True\n"
    assert shared.run(code, stage="prepare")[1] == "False\n", "prepare needs no TensorFlow"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('told')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(77)", 77),
        ("from pipelines.config.errors import UserError; raise UserError('c', 'b', path='a')", 2),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("import os; os.kill(os.getpid(), 11)", -signal.SIGSEGV),
        ("raise KeyboardInterrupt", -signal.SIGINT),
    ],
)
def test_exit_status(either, code, status):
    assert either.run(code)[0] == status


@pytest.mark.parametrize(("signum", "name"), [(9, "SIGKILL"), (6, "SIGABRT"), (11, "SIGSEGV")])
def test_the_caller_reports_a_killed_stage(shared, signum, name):
    status, _, err = shared.run(f"import os; os.kill(os.getpid(), {signum})")
    assert status == -signum
    line = err.splitlines()[-1]
    assert line.startswith(f"error[stage-died]: train k died by {name}; ")
    assert "lower experiments.k.fit.batch_size" in line


def test_a_user_error_reaches_the_caller(either):
    code = "from pipelines.config.errors import UserError; raise UserError('c', 'b', path='a')"
    assert either.run(code) == (2, "", "error[c]: a: b\n")


def test_streams_are_the_callers(either):
    code = "import sys; print('out', input(), key); print('err', file=sys.stderr)"
    assert either.run(code) == (0, "out from the caller k\n", "err\n")


def test_folder_umask_environment_and_arguments_are_the_callers(either, tmp_path):
    caller = Project(tmp_path / "elsewhere")
    caller.environ = {**either.environ, "ANSWER": "42", "ODD": "\udcff"}
    code = """
import os, sys
open("made", "w").close()
print(os.getcwd(), sys.path[0], oct(os.stat("made").st_mode), sys.argv[:3])
print(os.environ["ANSWER"], ascii(os.environ["ODD"]), os.popen("echo $ANSWER").read())
print(sorted(set(os.environ) - {"LC_CTYPE"}), sys.modules["__main__"].__spec__.name)
"""
    status, out, err = caller.run(code, umask=0o027)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    main = caller.folder / "pipelines/__main__.py"
    argv = [str(main), "train", "k"]
    assert lines[0] == f"{caller.folder} {caller.folder} 0o100640 {argv}"
    assert lines[1] == r"42 '\udcff' 42"
    assert "PIPELINES_SERVED" not in lines[3]
    assert lines[3].endswith("pipelines.__main__")


def test_a_stage_can_have_another_one_run(either, shared):
    inner = shared.folder / "inner.py"
    inner.write_text("import sys; print('inner', key); sys.exit(4)")
    served = "PIPELINES_FORKSERVER" in either.environ
    code = f"""
import subprocess, sys
command = [sys.executable, "-m", "pipelines", "train", "k", "--params", {str(inner)!r}]
print(subprocess.run(command).returncode, {SERVED!r} in sys.modules)
"""
    assert either.run(code)[1] == f"inner k\n4 {served}\n"


def test_exit_functions_run_and_buffers_are_written(either):
    code = "import atexit, sys; atexit.register(print, 'last'); sys.stdout.write('first ')"
    assert either.run(code)[1] == "first last\n"


def test_each_signal_reaches_the_stage_once(either):
    code = """
import signal, time
seen = []
signums = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
for signum in signums:
    signal.signal(signum, lambda signum, frame: seen.append(signum))
print("ready", flush=True)
for signum in signums:
    while signum not in seen:
        time.sleep(0.01)
    print("seen", flush=True)
print(*map(int, seen))
"""
    stage = either.start(code)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        stage.send_signal(signum)
        assert stage.stdout.readline() == "seen\n"
    assert stage.stdout.readline() == "2 15 1 3\n"
    assert stage.wait(timeout=10) == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_stage_cleans_up_and_the_caller_sees_the_signal(either, signum):
    code = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    print("cleaned up")
"""
    stage = either.start(code)
    stage.send_signal(signum)
    assert stage.communicate(timeout=10)[0] == "cleaned up\n"
    assert stage.returncode == -signum


def test_suspended_and_continued(shared):
    """Without a server the kernel decides: it drops SIGTSTP where no shell could continue a job."""
    code = "import os; print('ready', flush=True); print(os.getpid(), flush=True); input()"
    stage = shared.start(code)
    worker = int(stage.stdout.readline())
    stage.send_signal(signal.SIGTSTP)
    until(lambda: state(stage.pid) == state(worker) == "T")
    stage.send_signal(signal.SIGCONT)
    until(lambda: state(stage.pid) != "T" and state(worker) != "T")
    stage.communicate("\n", timeout=10)
    assert stage.returncode == 0


# What only the server can get wrong


def test_project_code_is_read_anew_by_every_stage(project, server):
    stage = project.folder / "pipelines/stages/train.py"
    for version in ("first", "second edition"):
        stage.write_text(f"def run(params_file, key):\n    print({version!r})\n")
        assert project.run("")[:2] == (0, f"{version}\n")


def test_children_draw_different_random_numbers(shared):
    code = "import random, numpy; print(random.random(), numpy.random.rand())"
    first, second = (shared.run(code)[1].split() for _ in range(2))
    assert not set(first) & set(second)


def test_stages_are_served_side_by_side(shared, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    for fifo in (there, back):
        os.mkfifo(fifo)
    read, write = f"open({str(there)!r}).read()", f"open({str(there)!r}, 'w').write('met')"
    waits = shared.start(f"print({read}); open({str(back)!r}, 'w').write('back')", ready=False)
    meets = shared.start(f"{write}; print(open({str(back)!r}).read())", ready=False)
    assert waits.communicate(timeout=10)[0] == "met\n"
    assert meets.communicate(timeout=10)[0] == "back\n"


@pytest.mark.parametrize("name", ["KERAS_BACKEND", "OMP_NUM_THREADS", "PYTHONHASHSEED", "HOME"])
def test_another_environment_at_import_runs_by_itself(shared, monkeypatch, name):
    code = f"import os, sys; print({SERVED!r} in sys.modules, os.environ[{name!r}])"
    monkeypatch.setitem(shared.environ, name, "7")
    assert shared.run(code)[1] == "False 7\n"


def test_vanished_client_stops_its_stage(shared, tmp_path):
    code = f"""
import os, time
try:
    print("ready", flush=True); print(os.getpid(), flush=True)
    time.sleep(60)
finally:
    open({str(tmp_path / "cleaned up")!r}, "w").close()
"""
    stage = shared.start(code)
    worker = int(stage.stdout.readline())
    stage.kill()
    until((tmp_path / "cleaned up").exists)
    until(lambda: dead(worker))


def test_stage_that_will_not_stop_is_killed_with_its_children(shared):
    code = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
helper = subprocess.Popen(["sleep", "60"])
print("ready", flush=True); print(os.getpid(), helper.pid, flush=True)
time.sleep(60)
"""
    stage = shared.start(code)
    pids = stage.stdout.readline().split()
    stage.kill()
    until(lambda: dead(*pids))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_stopped_stage_leaves_no_children(shared, signum):
    code = """
import subprocess, time
helper = subprocess.Popen(["sleep", "60"])
print("ready", flush=True); print(helper.pid, flush=True)
time.sleep(60)
"""
    stage = shared.start(code)
    helper = stage.stdout.readline().strip()
    stage.send_signal(signum)
    stage.communicate(timeout=10)
    assert stage.returncode == -signum
    until(lambda: dead(helper))


def test_death_of_the_server_is_told(project, server):
    code = "import os, time; print('ready', flush=True); print(os.getppid(), flush=True)"
    stage = project.start(code + "; time.sleep(60)")
    parent = int(stage.stdout.readline())
    assert parent != os.getpid(), "the stage is served"
    os.kill(parent, signal.SIGKILL)
    _, err = stage.communicate(timeout=10)
    assert stage.returncode == 1
    assert "the fork server died" in err
    assert project.run("print('by itself')")[:2] == (0, "by itself\n")
    server.communicate("\n", timeout=10)
    assert server.returncode == 0
    assert processes(project.mark) == []


@pytest.mark.slow
def test_tensorflow_works_in_children_of_one_import(project):
    """Served side by side: what is seeded is equal, what is not differs."""
    (project.folder / "count.py").write_text(
        "import threading\nopen('threads', 'w').write(str(threading.active_count()))"
    )
    project.launch_and_wait((*PACKAGES, "count"))
    code = """
import sys
assert "tensorflow" in sys.modules
import keras, numpy, tensorflow
print(keras.random.normal((1,))[0].numpy(), tensorflow.random.normal((1,))[0].numpy())
keras.utils.set_random_seed(7)
tensorflow.config.experimental.enable_op_determinism()
x = numpy.random.rand(64, 8)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x[:, 0], epochs=2, verbose=0)
print(model.evaluate(x, x[:, 0], verbose=0))
"""
    stages = [project.start(code, ready=False) for _ in range(2)]
    outs, errs = zip(*(stage.communicate(timeout=120) for stage in stages), strict=True)
    assert [stage.returncode for stage in stages] == [0, 0], errs
    (first, first_loss), (second, second_loss) = (out.splitlines() for out in outs)
    assert not set(first.split()) & set(second.split())
    assert first_loss == second_loss
    assert (project.folder / "threads").read_text() == "1", "the server has no threads of Python's"


# The launcher


@pytest.mark.parametrize("status", [0, 3, -signal.SIGKILL])
def test_launcher_ends_as_its_command(project, status):
    end = f"import os; os.kill(os.getpid(), {-status}) if {status} < 0 else os._exit({status})"
    launcher = project.launch([sys.executable, "-c", end])
    launcher.communicate(timeout=10)
    assert launcher.returncode == status
    assert processes(project.mark) == []


@pytest.mark.parametrize(
    "signum", [*(signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIGKILL]
)
def test_stopped_launcher_leaves_nothing_behind(project, server, signum):
    code = "import time; print('ready', flush=True); time.sleep(60)"
    stage = project.start(code)
    server.send_signal(signum)
    assert server.wait(timeout=10) == -signum
    stage.communicate(timeout=10)
    assert stage.returncode == -signal.SIGTERM, "the stage was stopped"
    until(lambda: processes(project.mark) == [])
    assert not project.server_folder.exists()


@pytest.fixture
def gate(project):
    """A package whose import lasts until somebody writes into the gate."""
    fifo = project.folder / "gate"
    os.mkfifo(fifo)
    (project.folder / "slow.py").write_text(f"open({str(fifo)!r}).read()")
    return fifo


def test_command_that_ends_early_does_not_wait_for_imports(project, gate):
    launcher = project.launch(["true"], ("slow",))
    launcher.communicate(timeout=5)
    assert launcher.returncode == 0
    assert processes(project.mark) == []


def test_killed_launcher_leaves_nothing_behind_during_imports(project, gate):
    launcher = project.launch_and_wait(("slow",))
    launcher.kill()
    until(lambda: processes(project.mark) == [])
    assert not project.server_folder.exists()


def test_client_waits_for_the_imports_and_may_leave(project, gate):
    launcher = project.launch_and_wait(("slow", *LIGHT))
    code = f"import sys; print({SERVED!r} in sys.modules)"
    leaves, stays = (project.start(code, ready=False) for _ in range(2))
    until(lambda: all(has_socket(client.pid) for client in (leaves, stays)))
    leaves.send_signal(signal.SIGTERM)
    assert leaves.wait(timeout=5) == -signal.SIGTERM
    gate.write_text("open")
    assert stays.communicate(timeout=10) == ("True\n", "")
    assert leaves.communicate(timeout=10) == ("", "")
    launcher.communicate("\n", timeout=10)
    assert launcher.returncode == 0


def has_socket(pid):
    targets = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            targets.append(str(descriptor.readlink()))
    return any(name.startswith("socket") for name in targets)


def test_server_that_cannot_import_is_done_without(project):
    launcher = project.launch_and_wait(("no_such_package",))
    assert project.run(f"import sys; print({SERVED!r} in sys.modules)")[:2] == (0, "False\n")
    _, err = launcher.communicate("\n", timeout=10)
    assert launcher.returncode == 0
    assert "No module named 'no_such_package'" in err


def test_unknown_command_is_told(project):
    command = [sys.executable, "-m", "pipelines.runtime.forkserver"]
    launcher = project.popen([*command, "no-such-command"])
    assert launcher.communicate(timeout=10)[1] == "error: no-such-command: no such command\n"
    assert launcher.returncode == 127
    assert project.popen(command).wait(timeout=10) == 2


def test_other_backend_runs_the_command_without_a_server(project):
    project.environ["KERAS_BACKEND"] = "jax"
    command = [sys.executable, "-c", "import os; print('PIPELINES_FORKSERVER' in os.environ)"]
    launcher = project.popen([sys.executable, "-m", "pipelines.runtime.forkserver", *command])
    assert launcher.communicate(timeout=10)[0] == "False\n"


def test_ctrl_c_at_a_terminal_reaches_the_stage_once(project):
    (project.folder / "count.py").write_text(
        "import signal, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        "print('ready', flush=True)\n"
        "while not seen: time.sleep(0.01)\n"
        "time.sleep(0.2)  # for a second signal, which would be a mistake\n"
        "open('seen', 'w').write(str(len(seen)))\n"
    )
    stage = [sys.executable, "-m", "pipelines", "train", "k", "--params", "count.py"]
    command = ["sh", "-c", f"trap : INT; {' '.join(stage)}; echo over $?"]
    controller, terminal = pty.openpty()
    launcher = project.launch(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    with os.fdopen(controller, "rb", buffering=0) as screen:
        shown = b""
        while b"ready" not in shown:
            shown += screen.read(1024)
        os.write(controller, b"\x03")
        while b"over" not in shown:
            shown += screen.read(1024)
        assert launcher.wait(timeout=10) == 0
    assert b"over 0" in shown
    assert (project.folder / "seen").read_text() == "1"
    assert processes(project.mark) == []
