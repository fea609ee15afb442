"""Any CSV or TSV of labelled texts, or a folder of them: train.csv, test.csv.

options (params.yaml, `datasets.<key>.options`), beside those of preparation/labelled_texts.py:

    text, label     column name, or position counted from 0 (then `header` must say
                    whether the first row holds names)
    files           a folder's files: {train: ..., val: ..., test: ...}, where val and test are
                    drawn from train if they are not given; or {all: ...}, to be split here
    delimiter       one character between cells
    quoting         whether a cell in double quotes may hold delimiters and line breaks
    header          whether the first row holds names; default: yes
    encoding        Python's name of the file's encoding
"""

from pathlib import Path

from pydantic import model_validator

from pipelines import spec
from pipelines.preparation import empty_texts, labelled_texts, tables
from pipelines.preparation.splits import SplitSources
from pipelines.preparation.tables import Character, Position


class Options(labelled_texts.Options):
    text: str | Position = "text"
    label: str | Position = "label"
    files: SplitSources[str] | None = None
    delimiter: Character = ","
    quoting: bool = True
    header: bool | None = None
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _header_is_known(self):
        if self.header is None and isinstance(self.text, int) and isinstance(self.label, int):
            raise ValueError(
                "columns are given by position; set header: false if the first row is data, or "
                "header: true if it holds names"
            )
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rows = []
    for split, name in labelled_texts.sources(raw, options.files).items():
        path = raw if name is None else labelled_texts.member(raw, name)
        for line, text, label in read_texts(path, options):
            rows.append(labelled_texts.Row(text, label, name or "", line, split))
    return labelled_texts.prepare(raw, rows, options, out, seed)


def read_texts(path: Path, options: Options) -> list[tuple[int, str, str]]:
    """(line number, text, label) of the data rows of a file."""
    table = tables.read(
        path, options.encoding, options.delimiter,
        header=options.header is not False, quoting=options.quoting,
        is_blank=tables.has_only_blank_cells,
    )  # fmt: skip
    text_column, label_column = (
        table.column(getattr(options, key), key) for key in ("text", "label")
    )
    rows, empty = [], []
    for line, row in table.rows:
        table.check_width(line, row)
        text, label = row[text_column].strip(), row[label_column].strip()
        if text and label:
            rows.append((line, text, label))
        else:
            empty.append((line, "label" if text else "text"))
    first = empty[0][1] if empty else ""
    empty_texts.settle(path, first, [line for line, _ in empty], options.empty, remaining=len(rows))
    return rows
