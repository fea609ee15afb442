"""Who or what is recorded in a file: by its name, or by a table."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from pipelines.config.errors import UserError, one_of
from pipelines.config.schema import STRICT
from pipelines.config.written_texts import Label
from pipelines.preparation import tables


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _one_group(text: str) -> str:
    if re.compile(_pattern(text)).groups != 1:
        raise ValueError("the part of the name that counts must be in one pair of brackets")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
PartOfName = Annotated[str, AfterValidator(_one_group)]


class GroupTable(BaseModel):
    """A CSV file in the source folder that says who speaks in which file.

    table: its name. file: the column with the files' names, as below the source folder or alone.
    group: the column with the speakers.
    """

    model_config = STRICT
    table: Label
    file: Label = "file"
    group: Label = "speaker"


def part_of_name(raw: Path, name: str, pattern: str, key: str) -> str:
    """What the brackets of the pattern match in a name, below the source or in its last part."""
    match = re.search(pattern, name) or re.search(pattern, PurePosixPath(name).name)
    if match is None or not match[1]:
        raise UserError(
            "name-unmatched", f"the pattern {pattern!r} does not match the name {name!r}; correct "
            f"the pattern, or move the file elsewhere", path=raw, key=key, value=name,
        )  # fmt: skip
    return match[1]


def of_file(source: Path, name: str, groups: Mapping[str, str]) -> str:
    """The group of a file, by its name below the source or by its last part.

    Raises:
        UserError: `group-missing`.
    """
    group = groups.get(name, groups.get(PurePosixPath(name).name))
    if not group:
        raise UserError(
            "group-missing", f"no row for {name!r}; {one_of(name, list(groups))}; add it",
            path=source, key="group.table", value=name,
        )  # fmt: skip
    return group


def of_table(raw: Path, options: GroupTable) -> dict[str, str]:
    """File name -> its group.

    Raises:
        UserError: no such table or columns.
    """
    if not raw.is_dir():
        raise UserError(
            "source-is-file", "a table of groups must be in a folder, and the source is a file; "
            "unpack it, or give `group` as a pattern", path=raw, key="group.table",
            value=options.table,
        )  # fmt: skip
    table = tables.read(raw / options.table, "utf-8", ",", header=True, quoting=True)
    file, group = (
        table.column(getattr(options, name), f"group.{name}") for name in ("file", "group")
    )
    rows = {}
    for line, row in table.rows:
        table.check_width(line, row)
        rows[row[file].strip()] = row[group].strip()
    return rows
