"""What started a run: the process, the host, the commit, the DVC stage.

A process is distinguished from a later one with the same number by its start time and the id of
the boot.
"""

import getpass
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HOST = platform.node()
# dvc.lock changes with every stage that ends, so it says nothing about the code.
_CODE = (".", ":(exclude,glob)**/dvc.lock")


def process() -> dict[str, str]:
    """Tags that name this process, the one that now holds the run."""
    return {
        "process.host": HOST,
        "process.pid": str(os.getpid()),
        "process.started": _started(os.getpid()),
        "process.boot": _boot(),
    }


def lives(tags: Mapping[str, str]) -> bool:
    """Whether the process of this host that the tags name is still running."""
    if tags.get("process.boot") != _boot():
        return False
    return _started(int(tags["process.pid"])) == tags.get("process.started")


def tags() -> dict[str, str]:
    """Tags that say where a new run comes from."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--", *_CODE)
    values = {
        "git_commit": commit or "unknown",
        "git_dirty": "unknown" if changes is None else str(bool(changes)).lower(),
        "host": HOST,
        "mlflow.user": _user(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    if commit:
        values["mlflow.source.git.commit"] = commit
    names = ("DVC_STAGE", "DVC_EXP_NAME")
    return values | {name: os.environ[name] for name in names if os.environ.get(name)}


@contextmanager
def termination_raises() -> Iterator[None]:
    """SIGTERM ends Python without unwinding; here it raises SystemExit, so that runs are closed.

    A handler that is already set is left alone. Python allows handlers in the main thread only.
    """
    installs = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if installs:
        signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        if installs:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, _frame) -> None:
    raise SystemExit(128 + number)


def _git(*arguments: str) -> str | None:
    """What git prints, or None if there is no git, no repository or no commit."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments], capture_output=True, text=True
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user number without a name
        return str(os.getuid())


def _started(pid: int) -> str:
    """When a process started, or "" if there is none with that number."""
    if not Path("/proc/self/stat").exists():
        done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True)
        return done.stdout.decode().strip()
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The name, in parentheses, may hold spaces. A zombie (Z) has ended.
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"
