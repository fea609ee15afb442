"""Pays for the imports once: `python -m pipelines.runtime.forkserver COMMAND...` (`make repro`).

Three kinds of process. The launcher runs COMMAND in the foreground and ends as it ends. The
server, in another session, imports the packages when the first stage connects (never this
project's code, which may change meanwhile) and then forks one child a stage. A child imports the
stage from its caller's folder, as it is now, and is from then on what `python -m pipelines` would
be, to the interpreter's exit.

How signals are passed on, so that every process gets every signal once:

- the terminal signals the foreground group: launcher, COMMAND and clients, not server or children;
- the launcher passes on to COMMAND what was sent to the launcher alone;
- a client sends the number of what it gets to the server, which signals the child: the whole
  group for signals that a terminal sends to groups, the stage alone for SIGTERM;
- the end of a client before its stage, or the launcher's end (seen as the end of the server's
  input), stops the stage: SIGTERM, and SIGKILL `grace_s` later. If a stage was stopped or died by
  a signal, the remaining processes of its group are killed;
- on Linux the kernel sends SIGTERM to the server and COMMAND when the launcher dies, and to the
  children when the server dies.

Only for TensorFlow, which can be forked between its import and its first operation. JAX and
PyTorch start threads: with another KERAS_BACKEND, COMMAND is run without a server.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipelines.runtime.fork_client import ADDRESS, DEFAULTS, fingerprint, leave

PACKAGES = (
    *("tensorflow", "keras", "mlflow", "mlflow.store.tracking.sqlalchemy_store"),
    *("pandas", "sklearn.linear_model", "sklearn.metrics", "sklearn.feature_extraction.text"),
    "matplotlib.pyplot",
)
GRACE_S = 10.0
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def main(command: list[str]) -> int:
    if not command:
        print("usage: python -m pipelines.runtime.forkserver COMMAND...", file=sys.stderr)
        return 2
    if shutil.which(command[0]) is None:
        print(f"error: {command[0]}: no such command", file=sys.stderr)
        return 127
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        os.execvp(command[0], command)
    return launch(command)


def launch(command: list[str], packages: Iterable[str] = PACKAGES, grace_s: float = GRACE_S) -> int:
    """Runs a command with a server beside it; its exit status, negative for death by a signal."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    mask = signal.pthread_sigmask(
        signal.SIG_BLOCK, STOPPING
    )  # until there is a process to pass it to
    # A socket's path may have a hundred bytes or so.
    folder = Path(tempfile.mkdtemp(prefix="pipelines-", dir=None if _fits() else "/tmp"))
    keep_matplotlib_files(folder)
    address = str(folder / fingerprint(sys.prefix))

    def prepare_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        die_with_parent()

    try:
        # Bound before anything is imported, so that a client waits for the server.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(128)
            arguments = (address, listener.fileno(), tuple(packages), grace_s)
            code = f"from pipelines.runtime import fork_worker; fork_worker.serve{arguments}"
            server = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                start_new_session=True,
                preexec_fn=die_with_parent,  # with signals blocked, until it can handle them
            )
        try:
            environ = {**os.environ, ADDRESS: address}
            process = subprocess.Popen(command, env=environ, preexec_fn=prepare_child)
            pass_on(process)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return process.wait()
        finally:
            end(server, folder, grace_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep_matplotlib_files(folder: Path) -> None:
    """Names a folder for matplotlib's files where the home directory cannot be written.

    It would make one at its import, which all children share, and the first of them to end would
    remove it from under the others. It warns as well.
    """
    if "MPLCONFIGDIR" not in os.environ and not all(map(_writable, _matplotlib_folders())):
        os.environ["MPLCONFIGDIR"] = str(folder / "matplotlib")


def _matplotlib_folders() -> list[Path]:
    """Where matplotlib keeps its settings and its fonts."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (a missing home is no error here)
    bases = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
    return [Path(os.environ.get(name) or home / bases[name], "matplotlib") for name in bases]


def _writable(folder: Path) -> bool:
    """Whether the folder is there or can be made, and can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _fits() -> bool:
    return len(os.fsencode(tempfile.gettempdir())) < 64


def die_with_parent() -> None:
    """Requests SIGTERM at the death of the parent, on Linux; elsewhere only pipes end it."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def pass_on(process: subprocess.Popen) -> None:
    def relay(signum: int, frame) -> None:
        if not (signum == signal.SIGINT and in_foreground()):
            process.send_signal(signum)

    for signum in STOPPING:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, relay)


def in_foreground() -> bool:
    """Whether a Ctrl-C of the terminal reaches this process group, and so the command directly."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def end(server: subprocess.Popen, folder: Path, grace_s: float) -> None:
    """Stops the server: at once before it is ready, else when its children have ended."""
    if (folder / "ready").exists():
        server.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=grace_s + 5)
    server.kill()
    server.wait()


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
