"""The head of every source, read with the recipe's options: are the columns and folders there?

Only the first lines are read, so that `check` stays quick; the rest is checked by `prepare`.
"""

import fnmatch
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipelines.config import loader
from pipelines.config.errors import UserError, one_of
from pipelines.config.mistakes import Mistakes
from pipelines.config.schema import Dataset
from pipelines.config.written_texts import as_written
from pipelines.config.yaml_lines import YamlFile
from pipelines.preparation import foreign_files, row_stream, tables, text_files

HEAD_BYTES, MAX_ZIP_BYTES = 4096, 1 << 26
# options that name columns
COLUMNS = ("text", "label", "source", "target", "time", "values", "known_covariates")
ROWS = 20  # that are read of a table, with the header


def mistakes(params_file: Path) -> Mistakes:
    """What is wrong with the heads of the sources that are there."""
    file, result = YamlFile(params_file), Mistakes()
    datasets = file.values.get("datasets")
    for key, block in datasets.items() if isinstance(datasets, dict) else ():
        try:
            dataset = Dataset.model_validate(block)
            options = _options(file, str(key), dataset)
        except (ValidationError, ImportError):
            continue  # said by the loader
        if Path(dataset.source).exists():
            result.extend(_of_dataset(file, str(key), Path(dataset.source), options))
    return result


def _options(file: YamlFile, key: str, dataset: Dataset) -> Any:
    """The options of the recipe; those that have mistakes of their own are as if not given."""
    model = loader.recipe(dataset.recipe).Options
    if not isinstance(dataset.options, dict):
        return model.model_construct()
    values = as_written(file, ("datasets", key, "options"), model, dataset.options)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = {details["loc"][0] for details in error.errors() if details["loc"]}
        return model.model_construct(**{k: v for k, v in values.items() if k not in wrong})


def _of_dataset(file: YamlFile, key: str, source: Path, options: Any) -> Mistakes:
    result, prefix = Mistakes(), ("datasets", key, "options")
    if source.is_dir():
        result.extend(_missing_members(file, prefix, source, options))
    if not hasattr(options, "delimiter"):
        return result
    for path in _tables(source, options):
        with result.collected():
            table = _head(path, options)
            _check_columns(file, prefix, table, options, result)
            _check_widths(table)
    return result


def _by_split(options: Any, option: str) -> dict[str, Any]:
    """Split -> what an option names; "" for one that does not say of which split it is."""
    value = getattr(options, option, None) or {}
    return dict(value) if isinstance(value, Mapping) else {"": value}


def _is_present(source: Path, name: str) -> bool:
    """Whether a folder has a member of this name, or one that a pattern such as "*.txt" matches."""
    if (source / name).exists():
        return True
    names = (path.relative_to(source).as_posix() for path in source.rglob("*"))
    return any(character in name for character in "*?[") and any(
        fnmatch.fnmatch(present, name) for present in names
    )


def _missing_members(
    file: YamlFile, prefix: tuple, source: Path, options: Any
) -> Iterator[UserError]:
    """Files and folders that options name and the source does not have."""
    for option in ("files", "folders"):
        for split, entry in _by_split(options, option).items():
            names = entry.values() if isinstance(entry, dict) else entry
            for name in [names] if isinstance(names, str) else names:
                if not _is_present(source, name):
                    present = sorted(path.name for path in (source / name).parent.glob("*"))
                    yield file.error(
                        "file-missing", (*prefix, option, *([split] if split else [])),
                        f"{source} has no {name!r}; {one_of(name, present[:ROWS])}", name,
                    )  # fmt: skip


def _tables(source: Path, options: Any) -> list[Path]:
    """The files of a source that are tables."""
    if source.is_file():
        return [source]
    entries = _by_split(options, "files").values()
    paths = [source / entry for entry in entries if isinstance(entry, str)]
    return [path for path in paths if path.is_file()]


def _head(path: Path, options: Any) -> tables.Table:
    """The first rows of a table, read as the recipe reads all of them.

    Raises:
        UserError: a file of another kind, without rows, or with bytes that are not its encoding's.
    """
    ends = _ends(path)
    if not ends.startswith(text_files.GZIP):  # which row_stream unpacks
        foreign_files.refuse(path, ends)
    form = {
        "quoting": getattr(options, "quoting", True) is True,
        "skip_lines": getattr(options, "skip_lines", 0),
        "comment": getattr(options, "comment", None),
    }
    stream = row_stream.rows(path, options.encoding, options.delimiter, **form)
    rows = list(itertools.islice((r for r in stream if tables.has_content(r.cells)), ROWS))
    for line, _, problem in rows:
        if problem:
            raise UserError(
                "encoding-wrong", f"{problem}; set `encoding`, or save the file in it",
                path=path, line=line,
            )  # fmt: skip
    cells = [(row.line, row.cells) for row in rows]
    header = cells.pop(0)[1] if cells and getattr(options, "header", True) is not False else None
    if not cells:
        message = "no data rows; at least one is needed"
        raise UserError("rows-missing", message, path=path)
    return tables.Table(path, header, cells)


def _ends(path: Path) -> bytes:
    """The first and last bytes, by which files of other programs are known; a whole zip file."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        size = path.stat().st_size
        if head.startswith(b"PK") and size <= MAX_ZIP_BYTES:
            return head + stream.read()
        stream.seek(max(size - 4, 0))
        return head if size <= HEAD_BYTES else head + stream.read()


def _check_columns(
    file: YamlFile, prefix: tuple, table: tables.Table, options: Any, result: Mistakes
) -> None:
    """Adds the columns that options name and the table does not have."""
    for option in COLUMNS:
        names = getattr(options, option, None)
        for name in [names] if isinstance(names, str | int) else names or ():
            place = (*prefix, option, *((name,) if isinstance(names, dict) else ()))
            try:
                table.column(name, option)
            except UserError as error:
                result.append(file.error(error.code, place, f"{table.path}: {error.message}", name))


def _check_widths(table: tables.Table) -> None:
    for line, row in table.rows:
        table.check_width(line, list(row))
