"""A folder, or a zip or tar archive, of text files in one folder per class.

The options are those of `Options` and of labelled texts (preparation/labelled_texts.py); `labels`
gives the class folders other names. Hidden files and what systems leave behind (Thumbs.db) are
skipped; links are followed. An archive is read without unpacking it to the disk.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipelines import spec
from pipelines.config.written_texts import Label
from pipelines.preparation import (
    class_folders,
    empty_texts,
    label_names,
    labelled_texts,
    text_files,
)
from pipelines.preparation.splits import SplitSources

MAX_FILE_BYTES = 1 << 24


class Options(labelled_texts.Options):
    """Which folders are read.

    Args:
        folders: where the class folders are, relative to the source: {all: reviews}, to be split
            here, or {train: ..., val: ..., test: ...}; val and test are drawn from train where
            they are not given. Default: the class folders at the top, or in one folder around
            them; folders named like splits (train, valid, test) are splits.
        classes: the class folders to read, where there are others beside them; default: all.
        encoding: of every file, by Python's name.
    """

    folders: SplitSources[str] | None = None
    classes: Annotated[list[Label], Field(min_length=2)] | None = None
    encoding: str = "utf-8"


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    return labelled_texts.prepare(raw, read(options, raw), options, out, seed)


def read(options: Options, raw: Path) -> list[labelled_texts.Row]:
    rows, read_files, empty = [], [], []
    for file in class_folders.read(raw, options.folders, options.classes, MAX_FILE_BYTES):
        path = raw / file.name
        data = file.load()
        text = text_files.decode(path, data, options.encoding).strip() if data.strip() else ""
        if not text:
            empty.append(file)
            continue
        label = label_names.class_name(file.label, options.labels, path)
        rows.append(labelled_texts.Row(text, label, file.name, None, file.split))
        read_files.append(file)
    names = [file.name for file in empty]
    empty_texts.settle(raw, "text", names, options.empty, remaining=len(rows))
    class_folders.require_none_lost(raw, read_files, empty)
    return rows
