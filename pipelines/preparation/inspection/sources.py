"""Looks at a file, a folder, an archive or two aligned files, and says what it is for."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipelines.config.errors import UserError
from pipelines.preparation.inspection import (
    file_kind,
    images,
    masks,
    movies,
    pairs,
    sounds,
    table_sources,
    text_sources,
    tree,
)  # fmt: skip
from pipelines.preparation.inspection.questions import Answers
from pipelines.preparation.inspection.source import Source, make


def inspect(paths: Sequence[Path], answers: Answers) -> Source:
    """Looks at one file, folder or archive, or at two aligned files.

    Raises:
        UserError: for what cannot be read, and for what is ambiguous and not settled.
    """
    for path in paths:
        kind = file_kind.kind(path)
    if len(paths) == 2:
        return _two_files(paths, answers)
    (path,) = paths
    if kind in ("folder", "zip"):
        return _tree(path, answers)
    if kind in ("text", "gzip", "xlsx", "parquet", "json"):
        return table_sources.one(path, kind, answers)
    raise file_kind.refuse(path, kind)


def _two_files(paths: Sequence[Path], answers: Answers) -> Source:
    one, other = (path.resolve() for path in paths)
    root = next(parent for parent in one.parents if parent in other.parents)
    names = [path.relative_to(root).as_posix() for path in (one, other)]
    content = pairs.inspect_files(root, names, answers, ordered=True)
    alone = {path for path in root.rglob("*") if path.is_file()} <= {one, other}
    return make(root, "translation", content, {"copy": not alone})


def _tree(root: Path, answers: Answers) -> Source:
    files = tree.listing(root)
    names = [name for name in files.names if not tree.is_note(name)]
    content = tree.content(files)
    if content == "nothing":
        raise UserError("folder-empty", "no files in it; give a folder with data", path=root)
    if content == "images":
        return _images(files, names, answers)
    if content == "sounds":
        return make(root, "signal_classification", sounds.inspect(files, answers), {})
    if content == "tables":
        return table_sources.several(files, names, answers)
    if sum(len(PurePosixPath(name).parts) > 1 for name in names) > len(names) / 2:
        return text_sources.folder(files, names, answers)
    if not root.is_dir():
        message = "an archive of files that are not in class folders; unpack it and give the folder"
        raise UserError("archive-flat", message, path=root)
    if len(names) == 1:
        return inspect([root / names[0]], answers)
    return text_sources.side_by_side(root, names, answers)


def _images(files: tree.Tree, names: Sequence[str], answers: Answers) -> Source:
    """Images with masks, movies, or labelled images."""
    if folders := masks.find_folders(names):
        return make(files.root, "segmentation", masks.inspect(files, folders, answers), {})
    if movies.are_movies(files, answers):
        return make(files.root, "video_classification", movies.inspect(files, answers), {})
    return make(files.root, "image_classification", images.inspect(files, answers), {})
