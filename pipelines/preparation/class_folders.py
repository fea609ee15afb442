"""Files in one folder per class, in a folder on disk or in an archive that is read as it is.

Archives are read by `archives.files`, so path traversal, symlinks, size mismatches and corrupt
members are rejected whatever the files are: texts or images.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.preparation import archives

MAX_LISTED = 20  # folders in a message
MACOS_METADATA = "__MACOSX"  # a folder that macOS adds to the zip files that it makes


class ClassFile(NamedTuple):
    """name: relative to the source. split: "train", "val" or "test" where the source says so, else
    "". label: the class. load: reads the bytes."""

    name: str
    split: str
    label: str
    load: Callable[[], bytes]


def read(
    source: Path, folders: Mapping[str, str], classes: Sequence[str] | None, max_bytes: int
) -> list[ClassFile]:
    """All files of the class folders, sorted by name; hidden files are skipped.

    Args:
        source: a folder, or a zip or tar archive.
        folders: "all", "train", "val" or "test" -> where that split's class folders are.
        classes: the classes to read; None: all.
        max_bytes: the largest file to accept.

    Raises:
        UserError: an archive that cannot be trusted; a split without files or without a class
            that another split has.
    """
    files: list[ClassFile] = []
    counts: Counter[tuple[str, str]] = Counter()
    candidates: set[str] = set()  # folders that hold folders with files, for the error

    def selected(name: str) -> bool:
        candidates.add(PurePosixPath(name).parent.parent.as_posix())
        return _split_and_class(name, folders, classes) is not None

    for name, load in _list(source, selected, max_bytes):
        printable = name.encode("utf-8", "backslashreplace").decode()  # names may be any bytes
        is_folder = load is None
        place = _split_and_class(f"{printable}/any" if is_folder else printable, folders, classes)
        if place is None:
            continue
        counts[place] += not is_folder
        if not is_folder:
            split, label = place
            files.append(ClassFile(printable, split.removeprefix("all"), label, load))
    _require_all_classes(source, folders, classes, counts, candidates)
    return sorted(files, key=lambda file: file.name)  # an archive's order depends on its maker


def _split_and_class(
    name: str, folders: Mapping[str, str], classes: Sequence[str] | None
) -> tuple[str, str] | None:
    """(split, class) of a file, None outside the class folders."""
    path = PurePosixPath(name)
    if any(step.startswith(".") or step == MACOS_METADATA for step in path.parts):
        return None
    for split, folder in folders.items():
        inside = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
        if len(inside) > 1 and (classes is None or inside[0] in classes):
            return split, inside[0]
    return None


def _list(
    source: Path, selected: Callable[[str], bool], max_bytes: int
) -> Iterator[tuple[str, Callable[[], bytes] | None]]:
    """(relative name, function that reads it) of selected files, (name, None) of folders."""
    if not source.is_dir():
        for name, data in archives.files(source, selected, max_bytes):
            yield name, None if data is None else lambda data=data: data
        return
    for path in source.rglob("*"):
        name = path.relative_to(source).as_posix()
        if path.is_dir():
            yield name, None
        elif selected(name):
            yield name, lambda path=path: _contents(path, max_bytes)


def _contents(path: Path, max_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise UserError(
                "file-too-large", f"{size:,} bytes; at most {max_bytes:,} are read",
                path=path, value=size,
            )  # fmt: skip
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            "file-unreadable", f"cannot be read ({error.strerror}); fix or remove it", path=path
        ) from None


def _require_all_classes(
    source: Path, folders: Mapping[str, str], classes: Sequence[str] | None,
    counts: Counter[tuple[str, str]], candidates: set[str],
) -> None:  # fmt: skip
    """Every split must have files of every requested class, or of every class another split has."""
    expected = classes or sorted({label for _, label in counts})
    for split, folder in folders.items():
        present = [label for label in expected if counts[split, label]]
        if not present:
            choices = errors.one_of(folder, sorted(candidates)[:MAX_LISTED])
            raise UserError(
                "folder-missing",
                f"no class folders with files in {folder!r}; correct `folders`; {choices}",
                path=source, key=f"folders.{split}", value=folder,
            )  # fmt: skip
        if missing := sorted(set(expected) - set(present)):
            raise UserError(
                "class-missing",
                f"no files of class {missing[0]!r} in {folder!r}, only of {', '.join(present)}; "
                "add some, or list in `classes` which folders to read",
                path=source, key=f"folders.{split}", value=missing[0],
            )  # fmt: skip
