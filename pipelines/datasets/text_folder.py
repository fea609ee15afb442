"""A folder, or a zip or tar archive, of texts in one folder a class, a file a text.

options (params.yaml, `datasets.<key>.options`), beside those of preparation/labelled_texts.py:

    folders     where the classes' folders are, relative to `source`: {all: reviews}, to be divided
                here, or {train: ..., val: ..., test: ...}; what of val and test is not given is cut
                from train. Default {all: .}
    classes     the classes' folders to read, where others stand beside them; default: all
    encoding    of every file

Hidden files are passed over. An archive is read as it is, without unpacking it to the disk.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.preparation import archives, labelled_texts, text_files

MAX_FILE_BYTES = 1 << 24


class Options(labelled_texts.Options):
    folders: labelled_texts.Parts[str] = {"all": "."}
    classes: Annotated[list[str], Field(min_length=2)] | None = None
    encoding: str = "utf-8"


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    return labelled_texts.prepare(raw, read(options, raw), options, out, seed)


def read(options: Options, raw: Path) -> list[labelled_texts.Row]:
    """Sorted by name: the order in an archive is that of whoever made it."""
    rows: list[labelled_texts.Row] = []
    counts: Counter[tuple[str, str]] = Counter()
    around: set[str] = set()  # folders that hold folders of files

    def wanted(name: str) -> bool:
        around.add(PurePosixPath(name).parent.parent.as_posix())
        return place(name, options) is not None

    for name, data in files(raw, wanted):
        name = name.encode("utf-8", "backslashreplace").decode()  # any bytes may name a file
        found = place(name if data is not None else f"{name}/any", options)
        if found is None:
            continue
        counts[found] += data is not None
        if data is not None:
            part, label = found
            text = text_files.decoded(f"{raw}/{name}", data, options.encoding).strip()
            if not text:
                raise UserError(f"{raw}/{name}: no text in the file; mend or remove it")
            rows.append(labelled_texts.Row(text, label, name, 0, part.removeprefix("all")))
    refuse_missing(raw, counts, around, options)
    return sorted(rows, key=lambda row: row.file)


def place(name: str, options: Options) -> tuple[str, str] | None:
    """(part, class) of a file, None where it stands outside the classes' folders."""
    path = PurePosixPath(name)
    if any(step.startswith(".") for step in path.parts):
        return None
    for part, folder in options.folders.items():
        inside = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
        if len(inside) > 1 and (options.classes is None or inside[0] in options.classes):
            return part, inside[0]
    return None


def files(raw: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | None]]:
    """(relative name, bytes) of every wanted file, (name, None) of every folder."""
    if not raw.is_dir():
        yield from archives.files(raw, wanted, MAX_FILE_BYTES)
        return
    for path in raw.rglob("*"):
        name = path.relative_to(raw).as_posix()
        if path.is_dir():
            yield name, None
        elif wanted(name):
            yield name, _contents(path)


def _contents(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UserError(f"{path}: {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); mend or remove it") from None


def refuse_missing(raw: Path, counts: Counter, around: set[str], options: Options) -> None:
    """Every part must have texts of every class that is asked for, or that stands in another."""
    expected = options.classes or sorted({label for _, label in counts})
    for part, folder in options.folders.items():
        present = [label for label in expected if counts[part, label]]
        if not present:
            raise UserError(
                f"{raw}: no class folders with files in {folder!r}; mend `folders`; "
                f"{errors.one_of(folder, sorted(around)[:20])}"
            )
        if missing := sorted(set(expected) - set(present)):
            raise UserError(
                f"{raw}: no texts of class {missing[0]!r} in {folder!r}, only of "
                f"{', '.join(present)}; add some, or list in `classes` which folders to read"
            )
