"""Texts, one per line: a file per class, or lines that begin with their label ("1 a fine film").

The source is a file of labelled lines, or a folder. The options are those of `Options` and of
labelled texts (preparation/labelled_texts.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.written_texts import Label
from pipelines.preparation import (
    empty_texts,
    foreign_files,
    label_names,
    labelled_texts,
    source_files,
    text_files,
)
from pipelines.preparation.label_names import MAX_SHOWN
from pipelines.preparation.splits import SplitSources


class Options(labelled_texts.Options):
    """Which files are read.

    Args:
        files: a folder's files: {all: ...}, to be split here, or {train: ..., val: ..., test:
            ...}, where val and test are drawn from train if they are not given. Each is a file of
            labelled lines, a pattern such as "2024-*.txt", a list of these, or a file per class:
            {pos: positive.txt, neg: negative.txt}.
        encoding: of every file, by Python's name.
    """

    files: SplitSources[str | list[str] | dict[Label, str]] | None = None
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _labels_are_read(self):
        if self.labels and self.files and all(isinstance(f, dict) for f in self.files.values()):
            raise ValueError("`labels` is for labelled lines; a file per class needs none")
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rows = []
    for split, entry in source_files.by_split(raw, options.files).items():
        if isinstance(entry, dict):
            for label, name in sorted(entry.items()):
                for line, text in read_lines(source_files.member(raw, name), options):
                    rows.append(labelled_texts.Row(text, label, name, line, split))
            continue
        for name in [""] if entry is None else source_files.members(raw, entry):
            for line, label, text in read_labelled(raw / name, options):
                rows.append(labelled_texts.Row(text, label, name, line, split))
    return labelled_texts.prepare(raw, rows, options, out, seed)


def read_labelled(path: Path, options: Options) -> Iterator[tuple[int, str, str]]:
    """(line number, class, text) of every line."""
    lines = read_lines(path, options)
    _refuse_table(path, lines)
    for line, text in lines:
        if options.empty == "drop" and len(text.split(maxsplit=1)) == 1:
            print(f"{path}, line {line}: dropped, one word: {text[:MAX_SHOWN]}")
            continue
        yield line, *split_label(path, line, text, options.labels)


def _refuse_table(path: Path, lines: Sequence[tuple[int, str]]) -> None:
    """Refuses labels of several words before a tab, of which the first word would be taken."""
    cells = [text.split("\t") for _, text in lines]
    if all(len(row) == 2 for row in cells) and any(" " in row[0].strip() for row in cells):
        number = next(n for n, row in enumerate(cells) if " " in row[0].strip())
        raise UserError(
            "lines-are-table",
            f"a label of several words, {cells[number][0][:MAX_SHOWN]!r}, before a tab: use the "
            'recipe text_csv with {delimiter: "\\t", header: false, label: 0, text: 1}',
            path=path, line=lines[number][0], value=cells[number][0],
        )  # fmt: skip


def read_lines(path: Path, options: Options) -> list[tuple[int, str]]:
    """(line number, text) of every line that has a text."""
    content = text_files.read(path, options.encoding)
    foreign_files.refuse_markup(path, content)
    lines = [text.strip() for text in text_files.split_lines(content)]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()  # blank lines at the end
    rows = [(line, text) for line, text in enumerate(lines, 1) if text]
    empty = [line for line, text in enumerate(lines, 1) if not text]
    empty_texts.settle(path, "text", empty, options.empty, remaining=len(rows))
    return rows


def split_label(
    path: Path, line: int, text: str, labels: Mapping[str, str] | None
) -> tuple[str, str]:
    """(class name, text): the first word, by its name in `labels`, and the rest."""
    label, *rest = text.split(maxsplit=1)
    if not rest:
        raise UserError(
            "text-empty",
            f"one word, {label[:MAX_SHOWN]!r}; a label and a text are needed: correct it, or set "
            "empty: drop",
            path=path, line=line, value=label,
        )  # fmt: skip
    return label_names.class_name(label, labels, path, line), rest[0]
