"""Errors of the operating system as one sentence: what happened, where, and a remedy.

A full disk, a read-only folder, exhausted memory, a clock that went back: a traceback does not help
there. The errors that libraries make of them are recognised by the system's error number or text,
anywhere in the chain of causes. Every other error keeps its traceback.
"""

import errno
import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

from pipelines.config.errors import UserError

AGAIN = "then run the same command again"
RESUMED = "; training continues after its last finished epoch"
DENIED = "permission denied; change the owner or the mode (chown, chmod), or work in a copy"
# By number: the code of the error, what happened and what to do.
REMEDIES = {
    errno.ENOSPC: ("disk-full", f"the disk is full; make room on it, {AGAIN}"),
    errno.EDQUOT: ("quota-exceeded", f"your disk quota is exceeded; make room, {AGAIN}"),
    errno.EFBIG: (
        "file-too-large",
        f"the file size limit is reached; raise it (ulimit -f), {AGAIN}",
    ),
    errno.EROFS: (
        "disk-read-only",
        "the disk is read-only; mount it for writing or work in a copy",
    ),
    errno.EACCES: ("permission-denied", DENIED),
    errno.EPERM: ("permission-denied", DENIED),
    errno.EMFILE: ("files-open", f"too many files are open; raise the limit (ulimit -n), {AGAIN}"),
    errno.ENFILE: ("files-open", f"too many files are open on this host; end programs, {AGAIN}"),
    errno.EIO: ("disk-error", "the disk has errors; copy what can be read to another disk"),
    errno.ESTALE: ("disk-error", f"the network disk has lost the file; mount it again, {AGAIN}"),
}
REBUILD = "rename it and rebuild it: python -m pipelines restore"
# SQLite gives no error number of the system. Its code of the error, by the last byte.
SQLITE_REMEDIES = {
    sqlite3.SQLITE_FULL: REMEDIES[errno.ENOSPC],
    sqlite3.SQLITE_READONLY: REMEDIES[errno.EACCES],
    sqlite3.SQLITE_CANTOPEN: REMEDIES[errno.EACCES],
    sqlite3.SQLITE_IOERR: REMEDIES[errno.EIO],
    sqlite3.SQLITE_BUSY: ("store-locked", f"another program locks it; end that program, {AGAIN}"),
    sqlite3.SQLITE_CORRUPT: ("store-damaged", f"the file is damaged; {REBUILD}"),
    sqlite3.SQLITE_NOTADB: ("store-damaged", f"this is not a database; {REBUILD}"),
}
# numpy reports how much of an array it could write, and not why it could not write the rest.
HALF_WRITTEN = re.compile(r"\d+ requested and \d+ written")
OUT_OF_MEMORY = ("ResourceExhaustedError", "JaxRuntimeError")
NO_MEMORY = re.compile("[^\n]*(OOM when|[Oo]ut of memory)[^\n]*")
CLOCK_SLACK_S = 60.0  # the clock of a network disk may differ


def os_errors() -> tuple[type[BaseException], ...]:
    """The classes of errors that may come from the system, of the libraries that are loaded."""
    classes = [OSError, MemoryError, sqlite3.Error]
    for module, name in (
        ("tensorflow.python.framework.errors_impl", "OpError"),
        ("jax.errors", "JaxRuntimeError"),
        ("mlflow.exceptions", "MlflowException"),
        ("sqlalchemy.exc", "SQLAlchemyError"),
    ):
        if hasattr(loaded := sys.modules.get(module), name):
            classes.append(getattr(loaded, name))
    return tuple(classes)


def user_error(error: BaseException, stage: str, key: str | None) -> UserError | None:
    """The error for the user, or None if the cause is not the operating system."""
    for cause in chain(error):
        if remedy := remedy_of(cause):
            place = path(cause)
        elif remedy := memory_remedy(cause, stage, key):
            place = "memory"
        if remedy:
            code, message = remedy
            resumed = RESUMED if stage == "train" and message.endswith(AGAIN) else ""
            return UserError(code, f"{name(stage, key)} stopped: {message}{resumed}", path=place)
    return None


def name(stage: str, key: str | None) -> str:
    return f"{stage} {key}" if key else stage


def chain(error: BaseException) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def remedy_of(error: BaseException) -> tuple[str, str] | None:
    if isinstance(error, sqlite3.Error):
        return SQLITE_REMEDIES.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    number = getattr(error, "errno", None)
    if number in REMEDIES:
        return REMEDIES[number]
    if isinstance(error, OSError) and HALF_WRITTEN.search(str(error)):
        return REMEDIES[errno.ENOSPC]
    if isinstance(error, os_errors()):  # TensorFlow and HDF5 quote the text of the system
        text = str(error)
        return next((REMEDIES[number] for number in REMEDIES if os.strerror(number) in text), None)
    return None


def path(error: BaseException) -> str:
    """The file, if the error names it; otherwise the folders that are written to."""
    if isinstance(error, sqlite3.Error):
        return "mlflow.db"
    return str(getattr(error, "filename", None) or f"writing below {Path.cwd()} or {gettempdir()}")


def memory_remedy(error: BaseException, stage: str, key: str | None) -> tuple[str, str] | None:
    match = NO_MEMORY.search(str(error))
    if not (isinstance(error, MemoryError) or type(error).__name__ in OUT_OF_MEMORY and match):
        return None
    lower = f"lower experiments.{key}.fit.batch_size of a network, or " if stage == "train" else ""
    text = (match[0] if match else str(error)).strip()[:160]
    return "memory-exhausted", f"not enough memory ({text}); {lower}end other programs, {AGAIN}"


def death_error(status: int, stage: str, key: str | None) -> UserError | None:
    """The error of a stage that was killed before it could print one; None for another end."""
    if status not in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
        return None
    lower = "end other programs"
    if stage == "train":
        lower = f"lower experiments.{key}.fit.batch_size of a network, or {lower}"
    signal_name = signal.Signals(-status).name
    message = (
        f"{name(stage, key)} died by {signal_name}; unless it was killed on purpose, memory may "
        f"be exhausted: {lower}, {AGAIN}"
    )
    return UserError("stage-died", message, value=signal_name)


def check_clock(folder: Path) -> None:
    """Refuses to work if the clock is before the time of the last write.

    MLflow takes the latest metric by its time, so new results would count as older than those that
    they replace.
    """
    written = [folder / name for name in ("mlflow.db", "mlflow.db-wal", "dvc.lock")]
    newest = max((p.stat().st_mtime for p in written if p.is_file()), default=0.0)
    behind = newest - time.time()
    if behind > CLOCK_SLACK_S:
        raise UserError(
            "clock-behind",
            f"the clock says {format_time(time.time())}, but this folder was written to at "
            f"{format_time(newest)}, which is {behind:,.0f} s later; set the clock (timedatectl "
            "set-ntp true) or, if the times of the files are wrong, touch them: touch mlflow.db* "
            "dvc.lock",
            path=folder,
        )


def format_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
