"""Files in one folder per class, in a folder on disk or in an archive that is read as it is.

Archives are read by `archives.files`, so path traversal, symlinks, size mismatches and corrupt
members are rejected whatever the files are: texts or images.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.preparation import folder_layout, folder_listing
from pipelines.preparation.folder_names import is_passed_over, printable

MAX_LISTED = 20  # folders in a message
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")


class ClassFile(NamedTuple):
    """name: relative to the source. split: "train", "val" or "test" where the source says so, else
    "". label: the class. load: reads the bytes."""

    name: str
    split: str
    label: str
    load: Callable[[], bytes]


def read(
    source: Path, folders: Mapping[str, str] | None, classes: Sequence[str] | None, max_bytes: int
) -> list[ClassFile]:
    """All files of the class folders, sorted by name.

    Hidden files and what systems leave behind (Thumbs.db) are skipped; links are followed.

    Args:
        source: a folder, or a zip or tar archive.
        folders: "all", "train", "val" or "test" -> where that split's class folders are; None:
            see `folder_layout`.
        classes: the classes to read; None: all.
        max_bytes: the largest file to accept.

    Raises:
        UserError: an archive that cannot be trusted; a layout that can be read in two ways; a
            split without files or without a class that another split has; a class without files.
    """
    names: list[str] = []
    if folders is None or "all" in folders:  # the names of all files show the layout
        names = [
            printable(name)
            for name, load in folder_listing.members(source, None, max_bytes)
            if load
        ]
        folders = folder_layout.resolve(source, names, folders, classes)
    if source.is_dir():
        folder_listing.refuse_link_files(source, folders.values())
    files: list[ClassFile] = []
    counts: Counter[tuple[str, str]] = Counter()
    candidates: set[str] = set()  # folders that hold folders with files, for the error

    def selected(name: str) -> bool:
        candidates.add(PurePosixPath(name).parent.parent.as_posix())
        return _split_and_class(name, folders, classes) is not None

    for name, load in folder_listing.members(source, selected, max_bytes):
        is_folder = load is None
        place = _split_and_class(f"{name}/any" if is_folder else name, folders, classes)
        if place is None:
            continue
        split, label = place
        if printable(label) != label:
            raise folder_listing.name_invalid(source, label)
        counts[place] += not is_folder
        if not is_folder:
            files.append(ClassFile(printable(name), split.removeprefix("all"), label, load))
    _require_all_classes(source, folders, classes, counts, candidates, names)
    return sorted(files, key=lambda file: file.name)  # an archive's order depends on its maker


class HasClass(Protocol):
    split: str
    label: str


def require_none_lost(source: Path, read: Sequence[HasClass], skipped: Sequence[ClassFile]) -> None:
    """Refuses a class of a split of which all files were skipped."""
    places = {(file.split, file.label) for file in read}
    for file in skipped:
        if (file.split, file.label) not in places:
            place = f" in {file.split}" if file.split else ""
            raise UserError(
                "class-lost",
                f"all files of class {file.label!r}{place} were skipped, {file.name} among them; "
                "correct them, or list in `classes` which folders to read",
                path=source, key="classes", value=file.label,
            )  # fmt: skip


def _split_and_class(
    name: str, folders: Mapping[str, str], classes: Sequence[str] | None
) -> tuple[str, str] | None:
    """(split, class) of a file, None outside the class folders."""
    path = PurePosixPath(name)
    if is_passed_over(name):
        return None
    for split, folder in folders.items():
        inside = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
        if len(inside) > 1 and (classes is None or inside[0] in classes):
            return split, inside[0]
    return None


def _require_all_classes(
    source: Path, folders: Mapping[str, str], classes: Sequence[str] | None,
    counts: Counter[tuple[str, str]], candidates: set[str], names: Sequence[str],
) -> None:  # fmt: skip
    """Every split must have files of every requested class, or of every class another split has."""
    expected = classes or sorted({label for _, label in counts})
    for split, folder in folders.items():
        present = [label for label in expected if counts[split, label]]
        if not present:
            others = sorted(candidates - {folder})
            cure = "put the files into a folder for each class"
            if others:
                cure = f"correct `folders`; {errors.one_of(folder, others[:MAX_LISTED])}"
            elif packed := [name for name in names if name.casefold().endswith(ARCHIVES)]:
                cure = f"unpack the archives in it ({packed[0]}), and give the folder"
            raise UserError(
                "folder-missing", f"no class folders with files in {folder!r}; {cure}",
                path=source, key=f"folders.{split}", value=folder,
            )  # fmt: skip
        if missing := sorted(set(expected) - set(present)):
            raise UserError(
                "class-missing",
                f"no files of class {missing[0]!r} in {folder!r}, only of {', '.join(present)}; "
                "add some, remove that folder, or list in `classes` which folders to read",
                path=source, key=f"folders.{split}", value=missing[0],
            )  # fmt: skip
