"""The version tree: `<root>/<model>/<integer version>/`, each version a SavedModel.

Beside the SavedModel's own files a published version has signature.json (what goes in and comes
out), golden.json (inputs with the answers to expect) and content.sha256, the digest of all of it.
TensorFlow Serving, Triton and KServe read the same tree and pass over what they do not know.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.storage import atomic

GRAPH, SIGNATURE, GOLDEN = "saved_model.pb", "signature.json", "golden.json"
CONTENT = "content.sha256"
LARGEST = 2**63 - 1


def version_number(name: str) -> int | None:
    """The version that a folder's name means, as TensorFlow Serving reads it; None: no version.

    Digits alone, leading zeros allowed, no more than a signed 64-bit number holds.
    """
    # Length first: Python refuses to read numbers of thousands of digits.
    if not (name.isascii() and name.isdecimal() and len(name.lstrip("0")) <= len(str(LARGEST))):
        return None
    number = int(name.lstrip("0") or "0")
    return number if number <= LARGEST else None


def versions(folder: Path) -> dict[int, Path]:
    """Version folders of one model. Of `7` and `007` the shorter name counts."""
    found: dict[int, Path] = {}
    for path in sorted(entries(folder), key=lambda path: (-len(path.name), path.name)):
        number = version_number(path.name)
        if number is not None and path.is_dir():
            found[number] = path
    return dict(sorted(found.items()))


def models(root: Path) -> dict[str, dict[int, Path]]:
    """{model: its versions}, of the folders of a root that have at least one.

    Hidden ones are passed over, and those whose name no URL could tell from a verb.
    """
    found = {path.name: versions(path) for path in entries(root) if is_model(path.name)}
    return {name: found[name] for name in sorted(found) if found[name]}


def is_model(name: str) -> bool:
    return name.isprintable() and not name.startswith(".") and ":" not in name


def entries(folder: Path) -> list[Path]:
    """Empty where there is no such folder: it may come, or be taken away between two looks."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


@dataclass(frozen=True)
class Published:
    model: str
    version: int
    new: bool


def publish(exported: Path, root: Path, model: str) -> Published:
    """Puts an exported model into the tree as its next version, whole or not at all.

    exported: what `pipelines export` writes: model/, signature.json, golden.json. What the newest
    version holds already makes no new one; what only an older one holds does, because the newest
    is the one that is served.
    """
    source = exported / "model"
    files = {**contents(source), **{name: exported / name for name in (SIGNATURE, GOLDEN)}}
    missing = [name for name in (GRAPH, SIGNATURE, GOLDEN) if not files.get(name, source).is_file()]
    if missing:
        raise UserError(f"{exported}: {missing[0]} is missing; run `dvc repro export@{model}`")
    with locked(root / model) as folder:
        present, known = versions(folder), digest(files)
        newest = max(present, default=0)
        if present and published_digest(present[newest]) == known:
            return Published(model, newest, new=False)
        with atomic.folder(folder / str(newest + 1)) as new:
            for name, path in files.items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, new / name)
            # Taken before the copying: an export that changed meanwhile is seen when it is loaded.
            (new / CONTENT).write_text(f"{known}\n", "utf-8")
    return Published(model, newest + 1, new=True)


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """One publisher of a model at a time, or two could write the same version."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def contents(folder: Path) -> dict[str, Path]:
    """{relative name: file} of a version, its own digest left out."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: files[name] for name in sorted(files) if name != CONTENT and files[name].is_file()
    }


def digest(files: Mapping[str, Path]) -> str:
    """sha256 over names and bytes."""
    total = hashlib.sha256()
    for name, path in sorted(files.items()):
        total.update(f"{name}\0".encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def published_digest(version: Path) -> str | None:
    """None for a version from elsewhere, which has none."""
    path = version / CONTENT
    return path.read_text("utf-8", "replace").strip() if path.is_file() else None


def damaged(version: Path) -> bool:
    """Whether a published version is not what was published."""
    known = published_digest(version)
    return known is not None and known != digest(contents(version))
