"""The files of a folder or an archive, with those behind links; nothing is lost in silence."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation import archives
from pipelines.preparation.folder_names import is_passed_over, printable

SHORTCUTS = (b"L\0\0\0\x01\x14\x02\0", b"book\0\0\0\0mark")  # of Windows and of macOS
MAX_LINK_BYTES = 4096


def members(
    source: Path, selected: Callable[[str], bool] | None, max_bytes: int
) -> Iterator[tuple[str, Callable[[], bytes] | None]]:
    """(relative name, function that reads it) of files, (name, None) of folders.

    Args:
        source: a folder or an archive.
        selected: which files to read; None: none of an archive's, only names are needed.
        max_bytes: the largest file to accept.
    """
    if source.is_dir():
        for name, path in _walk(source, source, frozenset([source.resolve()])):
            if path is None or selected is None or selected(name):
                yield name, path and partial(_contents, path, max_bytes)
        return
    if selected is None:
        for name, is_file in archives.names(source):
            yield name, bytes if is_file else None
        return
    for name, data in archives.files(source, selected, max_bytes):
        yield name, None if data is None else partial(bytes, data)


def _walk(source: Path, folder: Path, above: frozenset[Path]) -> Iterator[tuple[str, Path | None]]:
    """(relative name, path) of files, (name, None) of folders; links are followed.

    Args:
        source: what names are relative to.
        folder: the folder to list.
        above: the folder and all above it, without links: a link back to one has no end.
    """
    try:
        members = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from None
    for path in members:
        if is_passed_over(path.name):
            continue
        name = path.relative_to(source).as_posix()
        if printable(name) != name:
            raise name_invalid(source, name)
        if path.is_symlink() and not path.exists():
            raise UserError(
                "link-broken", "a link to nothing; make it point to what it should, or remove it",
                path=path,
            )  # fmt: skip
        if not path.is_dir():
            yield name, path
            continue
        target = path.resolve()
        if target in above:
            raise UserError(
                "link-loop", f"a link to a folder above it, {target}; remove the link", path=path
            )
        yield name, None
        yield from _walk(source, path, above | {target})


def name_invalid(source: Path, name: str) -> UserError:
    return UserError(
        "name-not-utf8",
        f"the name {printable(name)} is not UTF-8; rename the file or folder (on Linux: convmv "
        "-f cp1252 -t utf-8 -r --notest FOLDER)",
        path=source, value=printable(name),
    )  # fmt: skip


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(
        "file-unreadable", f"cannot be read ({error.strerror}); fix or remove it", path=path
    )


def _contents(path: Path, max_bytes: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise UserError(
                "file-too-large",
                f"{size:,} bytes; at most {max_bytes:,} are read: make it smaller, or remove it",
                path=path, value=size,
            )  # fmt: skip
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def refuse_link_files(source: Path, folders: Iterable[str]) -> None:
    """Refuses files in place of folders, and prints which files beside the classes are not read.

    Shortcuts of Windows and macOS are such files, and what git makes of links where there are none.

    Args:
        source: a folder.
        folders: relative to it: those of the class folders.
    """
    bases = {source / folder for folder in folders}
    loose = []
    for base in sorted(bases | {base.parent for base in bases if base != source} | {source}):
        for path in sorted(base.iterdir()) if base.is_dir() else ():
            if is_passed_over(path.name) or not path.is_file():
                continue
            if _is_link_file(path):
                raise UserError(
                    "link-as-file",
                    "a shortcut to a folder, or what is left of a link; put the folder itself or a "
                    "link (ln -s) in its place, or remove it",
                    path=path,
                )  # fmt: skip
            if base in bases:
                loose.append(path.relative_to(source).as_posix())
    if loose:
        print(f"{source}: {len(loose)} files beside the class folders are not read: {loose[0]} ...")


def _is_link_file(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            head = stream.read(MAX_LINK_BYTES + 1)
    except OSError:
        return False
    if head.startswith(SHORTCUTS):
        return True
    target = head.strip()
    if len(head) > MAX_LINK_BYTES or not target or b"\n" in target or b"\0" in target:
        return False
    try:
        return (path.parent / target.decode("utf-8")).is_dir() and b"/" in target
    except (UnicodeDecodeError, OSError):
        return False
