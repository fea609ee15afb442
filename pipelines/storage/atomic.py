"""Outputs that are either whole or not there.

The work goes to a hidden sibling (same file system, so that a rename is enough) which is synced to
disk and renamed over the target only when the block ends well:

    with atomic.folder(Path("data/raw/sms_spam")) as tmp:
        ...write into tmp...

The sibling's name ends in the target's own name, because writers look at the suffix (`.keras`,
`.npy`, `.csv.gz`). It holds the process id: what a killed process left is known by its id being
dead, and goes at the next write of the same target. Process ids mean nothing between hosts, so two
hosts must not write one target on a shared disk at the same time.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_live: set[Path] = set()  # temporaries of this process; containers reuse ids, so ours is no proof


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """A path to write one file to; it takes the place of `path` when the block ends well."""
    with _temporary(Path(path)) as tmp:
        yield tmp
        _sync(tmp)
        tmp.replace(path)
        _sync(tmp.parent)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it replaces all of `path` when the block ends well."""
    with _temporary(Path(path)) as tmp:
        tmp.mkdir()
        yield tmp
        for inside in tmp.rglob("*"):
            if not inside.is_symlink():
                _sync(inside)
        _sync(tmp)
        _swap(tmp, Path(path))
        _sync(tmp.parent)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    _clean(path)
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
        _settle(aside, path)
        _live.discard(aside)


def _settle(aside: Path, path: Path) -> None:
    """Remove the old folder, or put it back where the new one never came."""
    if os.path.lexists(aside) and not os.path.lexists(path):
        with suppress(FileNotFoundError):  # another process has just put it back
            aside.rename(path)
    _remove(aside)


def _clean(path: Path) -> None:
    """Remove what killed processes left beside `path`."""
    ours = re.compile(rf"\.(tmp|old)-(\d{{1,9}})-[0-9a-f]{{8}}-{re.escape(path.name)}")
    for leftover in list(path.parent.iterdir()):
        match = ours.fullmatch(leftover.name)
        if match and leftover not in _live and not _runs(int(match[2])):
            _settle(leftover, path) if match[1] == "old" else _remove(leftover)


def _runs(pid: int) -> bool:
    """Is it another process that is alive? This one answers for its own names through `_live`."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, somebody else's
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
