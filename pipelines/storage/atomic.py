"""Outputs that are either complete or absent.

The work goes to a hidden sibling (same file system, so that a rename is enough) which is synced to
disk and renamed over the target only when the block ends without an error:

    with atomic.folder(Path("data/raw/sms_spam")) as tmp:
        ...write into tmp...

The sibling's name ends in the target's name, because writers look at the suffix (`.keras`, `.npy`,
`.csv.gz`). It holds the process id: files of a process that is no longer alive are removed at the
next write of the same target. Process ids mean nothing between hosts, so two hosts must not write
one target on a shared disk at the same time.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_live: set[Path] = (
    set()
)  # temporaries of this process: in a container, a dead process may have had the same id


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """A path to write one file to; it replaces `path` when the block ends without an error."""
    with _temporary(Path(path)) as tmp:
        yield tmp
        _sync(tmp)
        tmp.replace(path)
        _sync(tmp.parent)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it replaces all of `path` when the block ends without an error."""
    with _temporary(Path(path)) as tmp:
        tmp.mkdir()
        yield tmp
        for entry in tmp.rglob("*"):
            if not entry.is_symlink():
                _sync(entry)
        _sync(tmp)
        _swap(tmp, Path(path))
        _sync(tmp.parent)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    tmp = path.with_name(f".tmp-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")
    _live.add(tmp)
    try:
        yield tmp
    finally:
        _remove(tmp)
        _live.discard(tmp)


def _swap(tmp: Path, path: Path) -> None:
    """Rename cannot replace a folder that is not empty: move the old one aside first."""
    aside = path.with_name(tmp.name.replace(".tmp-", ".old-", 1))
    _live.add(aside)
    try:
        if os.path.lexists(path):
            path.rename(aside)
        tmp.rename(path)
    finally:
        _remove_or_restore(aside, path)
        _live.discard(aside)


def _remove_or_restore(aside: Path, path: Path) -> None:
    """Remove the old folder, or put it back if the new one is not there."""
    if os.path.lexists(aside) and not os.path.lexists(path):
        with suppress(FileNotFoundError):  # another process has put it back
            aside.rename(path)
    _remove(aside)


def _remove_leftovers(path: Path) -> None:
    """Remove the temporaries of killed processes beside `path`."""
    pattern = re.compile(rf"\.(tmp|old)-(\d{{1,9}})-[0-9a-f]{{8}}-{re.escape(path.name)}")
    for leftover in list(path.parent.iterdir()):
        match = pattern.fullmatch(leftover.name)
        if match and leftover not in _live and not _is_alive(int(match[2])):
            _remove_or_restore(leftover, path) if match[1] == "old" else _remove(leftover)


def _is_alive(pid: int) -> bool:
    """Whether another process has this id. For this process, `_live` says what is in use."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, of another user
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
