"""Which files of a source are read: one, or several that a folder holds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.preparation.splits import T

MAX_LISTED = 20  # files in an error
WILDCARDS = frozenset("*?[")


def by_split(source: Path, files: Mapping[str, T] | None) -> dict[str, T | None]:
    """Split ("" to be split here) -> its entry in the option `files`; None: `source` itself."""
    if source.is_dir() and files is None:
        raise UserError(
            "source-is-folder",
            "is a folder; set `files` to {all: ...} or {train: ..., test: ...}",
            path=source, key="files",
        )  # fmt: skip
    require_folder(source, files)
    return {split.removeprefix("all"): entry for split, entry in (files or {"": None}).items()}


def parts(source: Path, files: str | Sequence[str] | None) -> list[str]:
    """Names of the files of one series, as the option `files` names them; [""]: `source` itself."""
    if source.is_dir() and files is None:
        raise UserError(
            "source-is-folder", 'is a folder; name its files: files: "*.csv"', path=source,
            key="files",
        )  # fmt: skip
    require_folder(source, files)
    return [""] if files is None else members(source, files)


def require_folder(source: Path, files: object) -> None:
    """Refuses the option `files` where the source is a file."""
    if not source.is_dir() and files is not None:
        raise UserError(
            "source-is-file", "`files` is for a folder, and this is a file; remove `files`",
            path=source, key="files",
        )  # fmt: skip


def members(source: Path, names: str | Sequence[str]) -> list[str]:
    """Names of files below the source folder, each once.

    Args:
        source: the folder.
        names: one name or several, in the order in which they are read; "*.csv" and the like name
            all that match, in alphabetical order.

    Raises:
        UserError: `file-missing`.
    """
    selected: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        matches = [name]
        if WILDCARDS & set(name) and not (source / name).is_file():
            paths = (path for path in source.glob(name) if path.is_file())
            matches = sorted(path.relative_to(source).as_posix() for path in paths)
            matches = [match for match in matches if not Path(match).name.startswith(".")]
        if not matches or not (source / matches[0]).is_file():
            folder = source if WILDCARDS & set(name) else (source / name).parent
            present = sorted(path.name for path in folder.glob("*") if path.is_file())
            raise UserError(
                "file-missing", f"no file {name!r}; {errors.one_of(name, present[:MAX_LISTED])}",
                path=source, key="files", value=name,
            )  # fmt: skip
        selected += matches
    return list(dict.fromkeys(selected))


def member(source: Path, name: str) -> Path:
    """A file of the source folder, by its name in the option `files`."""
    return source / members(source, name)[0]
