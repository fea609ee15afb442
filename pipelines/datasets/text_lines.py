"""Texts, one per line: a file per class, or lines that begin with their label ("1 a fine film").

source (params.yaml, `datasets.<key>.source`): a file of labelled lines, or a folder.

options (`datasets.<key>.options`), beside those of pipelines/preparation/labelled_texts.py:

    files       a folder's files: {all: ...}, to be split here, or {train: ..., val: ..., test:
                ...}, where val and test are drawn from train if they are not given. Each is a file
                of labelled lines, or a file per class: {pos: positive.txt, neg: negative.txt}
    labels      class names of the labels in the file: {0: neg, 1: pos}; other labels are refused
    encoding    of every file
"""

from pathlib import Path

from pydantic import model_validator

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.written_texts import Label
from pipelines.preparation import empty_texts, labelled_texts, text_files
from pipelines.preparation.splits import SplitSources

MAX_SHOWN = 40  # characters of a label in an error


class Options(labelled_texts.Options):
    files: SplitSources[str | dict[Label, str]] | None = None
    labels: dict[Label, Label] | None = None
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _labels_are_read(self):
        if self.labels and self.files and all(isinstance(f, dict) for f in self.files.values()):
            raise ValueError("`labels` is for labelled lines; a file per class needs none")
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rows = []
    for split, entry in labelled_texts.sources(raw, options.files).items():
        if isinstance(entry, dict):
            for label, name in sorted(entry.items()):
                for line, text in read_lines(labelled_texts.member(raw, name), options):
                    rows.append(labelled_texts.Row(text, label, name, line, split))
        else:
            path = raw if entry is None else labelled_texts.member(raw, entry)
            for line, text in read_lines(path, options):
                if options.empty == "drop" and len(text.split(maxsplit=1)) == 1:
                    print(f"{path}, line {line}: dropped, one word: {text[:MAX_SHOWN]}")
                    continue
                label, text = split_label(path, line, text, options.labels)
                rows.append(labelled_texts.Row(text, label, entry or "", line, split))
    return labelled_texts.prepare(raw, rows, options, out, seed)


def read_lines(path: Path, options: Options) -> list[tuple[int, str]]:
    """(line number, text) of every line that has a text."""
    lines = [text.strip() for text in text_files.lines(path, options.encoding)]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()  # blank lines at the end
    rows = [(line, text) for line, text in enumerate(lines, 1) if text]
    empty = [line for line, text in enumerate(lines, 1) if not text]
    empty_texts.settle(path, "text", empty, options.empty, remaining=len(rows))
    return rows


def split_label(
    path: Path, line: int, text: str, labels: dict[Label, Label] | None
) -> tuple[str, str]:
    """(class name, text): the first word, by its name in `labels`, and the rest."""
    label, *rest = text.split(maxsplit=1)
    shown = label[:MAX_SHOWN]
    if not rest:
        raise UserError(
            "text-empty",
            f"one word, {shown!r}; a label and a text are needed: correct it, or set empty: drop",
            path=path, line=line, value=label,
        )  # fmt: skip
    if labels is None:
        return label, rest[0]
    if label not in labels:
        raise UserError(
            "label-unknown",
            f"begins with {shown!r}, which is not a label; {errors.one_of(label, labels)}; fix the "
            "line or add it to `labels`",
            path=path, line=line, key="labels", value=label,
        )  # fmt: skip
    return labels[label], rest[0]
