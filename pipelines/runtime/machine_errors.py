"""Faults of the machine, told as what happened, where, and what to do: no traceback helps there.

A disk that is full, a folder that is read-only, memory that ran out, a clock that went back. What
libraries make of them is recognised by the operating system's own number or words, wherever in the
chain of causes they stand; whatever else goes wrong keeps its traceback.
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
RESUMED = "; training goes on after its last finished epoch"
CURES = {
    errno.ENOSPC: f"the disk is full; make room on it, {AGAIN}",
    errno.EDQUOT: f"your quota of the disk is used up; make room, {AGAIN}",
    errno.EFBIG: f"the largest size of a file is reached; raise it (ulimit -f), {AGAIN}",
    errno.EROFS: "the disk is read-only; mount it for writing or work in a copy elsewhere",
    errno.EACCES: "this user may not; give the rights to it (chown, chmod) or work in a copy",
    errno.EPERM: "this user may not; give the rights to it (chown, chmod) or work in a copy",
    errno.EMFILE: f"too many files are open; raise the number (ulimit -n), {AGAIN}",
    errno.ENFILE: f"too many files are open on this machine; end other programs, {AGAIN}",
    errno.EIO: "the disk gives errors; copy what can be read to another one and go on there",
    errno.ESTALE: f"the network disk has lost the file; mount it anew, {AGAIN}",
}
# SQLite tells no number of the operating system. Its own code of the error, by the last byte.
OF_SQLITE = {
    sqlite3.SQLITE_FULL: CURES[errno.ENOSPC],
    sqlite3.SQLITE_READONLY: CURES[errno.EACCES],
    sqlite3.SQLITE_CANTOPEN: CURES[errno.EACCES],
    sqlite3.SQLITE_IOERR: CURES[errno.EIO],
    sqlite3.SQLITE_BUSY: f"another program keeps it locked; end that program, {AGAIN}",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; set it aside and rebuild it: "
    "python -m pipelines restore",
    sqlite3.SQLITE_NOTADB: "this is no database; set it aside and rebuild it: "
    "python -m pipelines restore",
}
# numpy tells how much of an array it could write, and not why it could not write the rest.
HALF_WRITTEN = re.compile(r"\d+ requested and \d+ written")
OUT_OF_MEMORY = ("ResourceExhaustedError", "JaxRuntimeError")
NO_MEMORY = re.compile("[^\n]*(OOM when|[Oo]ut of memory)[^\n]*")
CLOCK_SLACK_S = 60.0  # disks of the network have clocks of their own


def kinds() -> tuple[type[BaseException], ...]:
    """The errors that may be such faults, of the libraries that are loaded."""
    found = [OSError, MemoryError, sqlite3.Error]
    for module, name in (
        ("tensorflow.python.framework.errors_impl", "OpError"),
        ("jax.errors", "JaxRuntimeError"),
        ("mlflow.exceptions", "MlflowException"),
        ("sqlalchemy.exc", "SQLAlchemyError"),
    ):
        if hasattr(loaded := sys.modules.get(module), name):
            found.append(getattr(loaded, name))
    return tuple(found)


def explained(error: BaseException, stage: str, key: str | None) -> str | None:
    """The sentence for the user, or None where it is no fault of the machine."""
    for cause in chain(error):
        name = f"{stage} {key}" if key else stage
        if cure := cure_of(cause):
            place = path(cause)
        elif cure := cure_of_memory(cause, stage, key):
            place = "memory"
        if cure:
            rest = RESUMED if stage == "train" and cure.endswith(AGAIN) else ""
            return f"{name}: {place}: {cure}{rest}"
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def cure_of(error: BaseException) -> str | None:
    if isinstance(error, sqlite3.Error):
        return OF_SQLITE.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    number = getattr(error, "errno", None)
    if number in CURES:
        return CURES[number]
    if isinstance(error, OSError) and HALF_WRITTEN.search(str(error)):
        return CURES[errno.ENOSPC]
    if isinstance(error, kinds()):  # TensorFlow and HDF5 put the words into theirs
        return next((CURES[n] for n in CURES if os.strerror(n) in str(error)), None)
    return None


def path(error: BaseException) -> str:
    """The file, where the error names it; else where all is written."""
    if isinstance(error, sqlite3.Error):
        return "mlflow.db"
    return str(getattr(error, "filename", None) or f"writing below {Path.cwd()} or {gettempdir()}")


def cure_of_memory(error: BaseException, stage: str, key: str | None) -> str | None:
    told = NO_MEMORY.search(str(error))
    if not (isinstance(error, MemoryError) or type(error).__name__ in OUT_OF_MEMORY and told):
        return None
    lower = f"lower experiments.{key}.fit.batch_size, or " if stage == "train" else ""
    words = (told[0] if told else str(error)).strip()[:160]
    return f"there is not enough of it ({words}); {lower}end other programs, {AGAIN}"


def of_death(status: int, stage: str, key: str | None) -> str | None:
    """What is to be said of a stage that could say nothing itself; None where it ended well."""
    if status not in (-signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
        return None
    lower = f"lower experiments.{key}.fit.batch_size" if stage == "train" else "end other programs"
    name = signal.Signals(-status).name
    return (
        f"{stage} {key}: died by {name}; if nobody sent that, memory may have run out: {lower}, "
        f"{AGAIN}"
    )


def check_clock(folder: Path) -> None:
    """Refuses to work before the last thing that was written: MLflow keeps the latest by its time.

    With a clock that went back, new results would count as older than those that they replace.
    """
    written = [folder / name for name in ("mlflow.db", "mlflow.db-wal", "dvc.lock")]
    newest = max((p.stat().st_mtime for p in written if p.is_file()), default=0.0)
    behind = newest - time.time()
    if behind > CLOCK_SLACK_S:
        raise UserError(
            f"the clock says {moment(time.time())}, but {folder} was written to at "
            f"{moment(newest)}, which is {behind:,.0f} s later; set the clock (timedatectl "
            "set-ntp true) or, where the files' times are wrong, touch them: touch mlflow.db* "
            "dvc.lock"
        )


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
