"""Texts, one a line: a file a class, or lines that begin with their label ("1 a fine film").

source (params.yaml, `datasets.<key>.source`): a file of labelled lines, or a folder.

options (`datasets.<key>.options`), beside those of pipelines/preparation/labelled_texts.py:

    files       a folder's files: {all: ...}, to be divided here, or {train: ..., val: ...,
                test: ...}; what of val and test is not given is cut from train. Each is a file of
                labelled lines, or a file a class: {pos: positive.txt, neg: negative.txt}
    labels      what labels in the file are called here: {0: neg, 1: pos}; others are refused
    encoding    of every file
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.preparation import labelled_texts, text_files

Label = str | Annotated[int, Field(strict=True)]  # in YAML, {0: neg} has a number for its key


class Options(labelled_texts.Options):
    files: labelled_texts.Parts[str | dict[str, str]] | None = None
    labels: dict[Label, str] | None = None
    encoding: str = "utf-8"

    @model_validator(mode="after")
    def _labels_are_read(self):
        if self.labels and self.files and all(isinstance(f, dict) for f in self.files.values()):
            raise ValueError("`labels` is for labelled lines; a file a class needs none")
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rows = []
    for part, named in labelled_texts.sources(raw, options.files).items():
        if isinstance(named, dict):
            for label, name in sorted(named.items()):
                for line, text in read_lines(labelled_texts.member(raw, name), options.encoding):
                    rows.append(labelled_texts.Row(text, label, name, line, part))
        else:
            path = raw if named is None else labelled_texts.member(raw, named)
            for line, text in read_lines(path, options.encoding):
                label, text = labelled(f"{path}, line {line}", text, options.labels)
                rows.append(labelled_texts.Row(text, label, named or "", line, part))
    return labelled_texts.prepare(raw, rows, options, out, seed)


def read_lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    for line, text in enumerate(text_files.lines(path, encoding), 1):
        if not text.strip():
            raise UserError(f"{path}, line {line}: empty; mend or remove it")
        yield line, text.strip()


def labelled(place: str, line: str, labels: dict[Label, str] | None) -> tuple[str, str]:
    """(label, text): the first word, by the name that it has here, and the rest."""
    label, *rest = line.split(maxsplit=1)
    if not rest:
        raise UserError(f"{place}: one word, {label[:40]!r}; a label and a text are needed")
    if labels is None:
        return label, rest[0]
    names = {str(key): name for key, name in labels.items()}
    if label not in names:
        raise UserError(
            f"{place}: begins with {label[:40]!r}, which is no label; "
            f"{errors.one_of(label, names)}; mend the line or add it to `labels`"
        )
    return names[label], rest[0]
