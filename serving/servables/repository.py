"""The model repository on disk: `<root>/<model>/<integer version>/`, each version a SavedModel.

Beside the SavedModel's files a published version has signature.json and golden.json (see
`version_files`) and content.sha256, the digest of all of them. TensorFlow Serving, Triton and
KServe read the same layout and ignore the additional files.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.storage import atomic

GRAPH, SIGNATURE, GOLDEN = "saved_model.pb", "signature.json", "golden.json"
CONTENT = "content.sha256"
MAX_VERSION = 2**63 - 1
log = logging.getLogger("serving")


def version_number(name: str) -> int | None:
    """The version that a folder name means, as TensorFlow Serving parses it; None: not a version.

    Accepted are decimal digits, with leading zeros, up to the largest signed 64-bit number.
    """
    # Length first: Python refuses to parse numbers of thousands of digits.
    max_digits = len(str(MAX_VERSION))
    if not (name.isascii() and name.isdecimal() and len(name.lstrip("0")) <= max_digits):
        return None
    number = int(name.lstrip("0") or "0")
    return number if number <= MAX_VERSION else None


def versions(folder: Path) -> dict[int, Path]:
    """{version: its folder} of one model. Of `7` and `007` the shorter name is used."""
    folders: dict[int, Path] = {}
    for path in sorted(entries(folder), key=lambda path: (-len(path.name), path.name)):
        number = version_number(path.name)
        if number is not None and path.is_dir():
            folders[number] = path
    return dict(sorted(folders.items()))


def models(root: Path) -> dict[str, dict[int, Path]]:
    """{model: its versions} for the folders of a root that have at least one version.

    Skipped are hidden folders and names that cannot be separated from a verb in a URL.
    """
    folders = {}
    for path in sorted(entries(root)):
        if is_model_name(path.name):
            try:
                folders[path.name] = versions(path)
            except OSError as error:  # such as a link to itself; the other models are not affected
                warn_once(path, error.strerror)
    return {name: present for name, present in folders.items() if present}


@lru_cache(1000)
def warn_once(path: Path, reason: str) -> None:
    """Roots are read every second."""
    log.warning("%s: cannot be read: %s", path, reason)


def is_model_name(name: str) -> bool:
    return name.isprintable() and not name.startswith(".") and ":" not in name


def entries(folder: Path) -> list[Path]:
    """Empty if the folder does not exist: it can be created or removed between two polls."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


@dataclass(frozen=True)
class Published:
    """new: whether a version was written; otherwise `version` already had this content."""

    model: str
    version: int
    new: bool


def publish(exported: Path, root: Path, model: str) -> Published:
    """Copies an exported model into the repository as its next version, completely or not at all.

    If the newest version has the same content, no version is added. If only an older version has
    it, one is added, because the newest is the one that is served.

    Args:
        exported: what `pipelines export` writes: model/, signature.json, golden.json.
        root: the repository.
        model: the name to serve it by.

    Raises:
        UserError: a file of the export is missing.
    """
    source = exported / "model"
    files = {**version_contents(source), **{name: exported / name for name in (SIGNATURE, GOLDEN)}}
    missing = [name for name in (GRAPH, SIGNATURE, GOLDEN) if not files.get(name, source).is_file()]
    if missing:
        message = f"{missing[0]} is missing; run `dvc repro export@{model}`"
        raise UserError("export-incomplete", message, path=exported, value=missing[0])
    with exclusive_lock(root / model) as folder:
        present, content_digest = versions(folder), digest(files)
        newest = max(present, default=0)
        if present and published_digest(present[newest]) == content_digest:
            return Published(model, newest, new=False)
        with atomic.folder(folder / str(newest + 1)) as new:
            for name, path in files.items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, new / name)
            # Computed before copying: an export that changed meanwhile is detected when loaded.
            (new / CONTENT).write_text(f"{content_digest}\n", "utf-8")
    return Published(model, newest + 1, new=True)


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[Path]:
    """One publisher of a model at a time: otherwise two could write the same version."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def version_contents(folder: Path) -> dict[str, Path]:
    """{relative name: file} of a version, without its digest file."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: files[name] for name in sorted(files) if name != CONTENT and files[name].is_file()
    }


def irregular_files(folder: Path) -> list[str]:
    """Files of a version that cannot be read to an end: named pipes, sockets, devices, links to
    themselves or to nothing. A link to a folder above it is not followed.

    Raises:
        OSError: a folder cannot be listed.
    """
    names = []
    for parent, folders, files in os.walk(folder, onerror=_raise):
        for name in [*files, *folders]:
            path = Path(parent, name)
            try:
                mode = path.stat().st_mode
            except OSError:
                mode = 0
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                names.append(path.relative_to(folder).as_posix())
    return sorted(names)


def _raise(error: OSError) -> None:
    raise error


def digest(files: Mapping[str, Path]) -> str:
    """SHA-256 of names and contents."""
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        total.update(f"{name}\0".encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def published_digest(version: Path) -> str | None:
    """None if another publisher wrote the version without a digest."""
    path = version / CONTENT
    return path.read_text("utf-8", "replace").strip() if path.is_file() else None


def is_damaged(version: Path) -> bool:
    """Whether the files of a version differ from those that were published."""
    expected = published_digest(version)
    return expected is not None and expected != digest(version_contents(version))
