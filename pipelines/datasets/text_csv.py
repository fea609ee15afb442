"""Any CSV or TSV of labelled texts, or a folder of them: train.csv, test.csv.

options (params.yaml, `datasets.<key>.options`), beside those of preparation/labelled_texts.py:

    text, label     column name, or position counted from 0 (then header may be false)
    files           a folder's files: {train: ..., val: ..., test: ...}, and what of val and test is
                    not given is cut from train; or {all: ...}, to be divided here
    delimiter, quoting, header, encoding    how a file is written
"""

import csv
import io
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.preparation import labelled_texts, text_files

Position = Annotated[int, Field(strict=True)]


class Options(labelled_texts.Options):
    text: str | Position = "text"
    label: str | Position = "label"
    files: labelled_texts.Parts[str] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quoting: bool = True
    header: bool = True
    encoding: str = "utf-8"


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rows = []
    for part, name in labelled_texts.sources(raw, options.files).items():
        path = raw if name is None else labelled_texts.member(raw, name)
        for line, text, label in read_table(path, options):
            rows.append(labelled_texts.Row(text, label, name or "", line, part))
    return labelled_texts.prepare(raw, rows, options, out, seed)


def read_table(path: Path, options: Options) -> list[tuple[int, str, str]]:
    """(line number, text, label) of the data rows of a file."""
    stream = io.StringIO(
        text_files.decode(path, options.encoding), newline="" if options.quoting else "\n"
    )
    quoting = csv.QUOTE_MINIMAL if options.quoting else csv.QUOTE_NONE
    reader = csv.reader(stream, delimiter=options.delimiter, quoting=quoting, strict=True)
    rows, line = [], 1  # the line on which a row begins: a quoted text may go on over several
    try:
        for row in reader:
            if row:
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: {error}; check `delimiter` and `quoting`") from None
    header = rows.pop(0)[1] if options.header and rows else None
    if not rows:
        raise UserError(f"{path}: no data rows; at least one row for each class and part is needed")
    columns = [
        text_files.column(path, header, len(rows[0][1]), c) for c in (options.text, options.label)
    ]
    width = len(header or rows[0][1])
    found = []
    for line, row in rows:
        if len(row) != width:
            raise UserError(
                f"{path}, line {line}: {len(row)} columns found, {width} expected; "
                "check `delimiter` and `quoting`, or mend the line"
            )
        text, label = (row[column].strip() for column in columns)
        if not text or not label:
            raise UserError(
                f"{path}, line {line}: empty {'label' if text else 'text'}; mend or remove it"
            )
        found.append((line, text, label))
    return found
