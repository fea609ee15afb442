"""Any sentence pairs: one TSV or CSV, or a folder of files aligned line by line.

The sub-word vocabulary comes from the train split only.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import Count
from pipelines.preparation import (
    empty_texts,
    excel_quotes,
    pair_splits,
    sentence_pairs,
    source_files,
    splits,
    tables,
    text_files,
)
from pipelines.preparation.sentence_pairs import Pairs
from pipelines.preparation.split_checks import Overlap
from pipelines.preparation.splits import SPLITS, RandomSplit, Share
from pipelines.preparation.table_options import TableOptions
from pipelines.preparation.tables import Character, Position
from pipelines.preparation.validation import Place

# Of columns, as people name them; a pair of two such words is rare.
COLUMN_NAMES = frozenset(
    "source target src tgt trg input output sentence translation original text1 text2 en de fr es "
    "it pt nl ru pl cs ja zh ko ar tr sv da fi english german french spanish italian portuguese "
    "dutch russian polish czech japanese chinese korean arabic turkish swedish danish finnish "
    "source_text target_text source_sentence target_sentence".split()
)
FilePair = Annotated[list[str], Field(min_length=2, max_length=2)]  # source, target


class Split(RandomSplit):
    val: Share = 0.1
    test: Share = 0.1


class Options(TableOptions):
    """Which pairs are read, and which are used.

    Args:
        source, target: a table's columns, by name (header: true) or position counted from 0.
        header: whether a table's first row holds names of columns.
        quoting: true: cells in double quotes, as Excel writes them; false: quotes belong to the
            sentences, one line is one pair; default: what the file shows.
        files: a folder's files, two per split: {all: [en.txt, fr.txt]}, or the published splits
            {train: [...], val: [...], test: [...]}.
        empty: refuse | drop: what to do with a line that is empty on one side.
        sample_rows: use only so many pairs, drawn at random; of published splits, of train.
        max_characters: longer pairs are dropped from train; val and test keep theirs, or scores
            would be too high.
        max_ratio: the same for pairs of which one side is so many times longer.
        duplicates: drop (keep the first of equal pairs) | keep.
        overlap: refuse | report | drop: what to do when a source of one split is also in another;
            drop keeps that of test, and that of val rather than that of train.
        subwords: the sub-word vocabulary; see sentence_pairs.py.
        split: how pairs become train, val and test.
    """

    source: str | Position = 0
    target: str | Position = 1
    delimiter: Character = "\t"
    header: bool = False
    quoting: bool | None = None
    files: dict[Literal["all", "train", "val", "test"], FilePair] | None = None
    empty: empty_texts.Empty = "refuse"
    sample_rows: Count | None = None
    max_characters: Count = 400
    max_ratio: Annotated[float, Field(ge=1)] = 3.0
    duplicates: Literal["drop", "keep"] = "drop"
    overlap: Overlap = "refuse"
    subwords: sentence_pairs.SubwordOptions = sentence_pairs.SubwordOptions()
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    data = read(options, raw)
    name = "all" if "all" in data else "train"
    rows = splits.sample(raw, range(len(data[name])), options.sample_rows, seed)
    data[name] = data[name].take(list(rows))
    limits = options.max_characters, options.max_ratio
    if "all" in data:
        pairs = _distinct(options, raw, sentence_pairs.filter_lengths(raw, data["all"], *limits))
        repeats = pair_splits.split_pairs(options.split, pairs, raw, seed)
    else:
        train = sentence_pairs.filter_lengths(raw, data["train"], *limits)
        repeats = [{**data, "train": _distinct(options, raw, train)}]
    sizes = []
    for number, pairs_of in enumerate(repeats):
        places_of = {
            split: _places(options, raw, split, pairs) for split, pairs in pairs_of.items()
        }
        pairs_of, seen = pair_splits.settle_overlap(raw, pairs_of, places_of, options.overlap)
        folder = out / f"repeat{number}"
        sizes.append(sentence_pairs.write(folder, raw, pairs_of, seen, options.subwords).size)
    sentence_pairs.write_report(out, data)
    return sentence_pairs.describe(max(sizes), options.subwords, len(repeats))


def read(options: Options, raw: Path) -> dict[str, Pairs]:
    """{"all": pairs} or {"train": ..., "val": ..., "test": ...}."""
    if not raw.is_dir():
        source_files.require_folder(raw, options.files)
        return {"all": _without_empty(options, raw, raw, read_table(options, raw))}
    if set(options.files or {}) not in ({"all"}, set(SPLITS)):
        raise UserError(
            "source-is-folder",
            "is a folder; set `files` to {all: [source, target]} or {train: ..., val: ..., test: "
            "...}",
            path=raw, key="files",
        )  # fmt: skip
    return {
        split: _without_empty(
            options, *(raw / name for name in names), read_aligned(options, raw, names)
        )
        for split in ("all", *SPLITS)
        if (names := options.files.get(split))
    }


def read_table(options: Options, path: Path) -> Pairs:
    """The pairs of a table, with those that have an empty side."""
    quoting = options.quoting
    if quoting is None:
        text = text_files.read(path, options.encoding)
        quoting = excel_quotes.is_quoted(path, text, options.delimiter)
        if quoting:
            print(f"{path}: cells are in double quotes, as Excel writes them: quoting: true")
    table = options.table(path, header=options.header, quoting=quoting, is_blank=None)
    rows = list(table.rows)
    if "header" not in options.model_fields_set:
        _refuse_header(path, *rows[0])
    while len(rows) > 1 and tables.has_only_blank_cells(rows[-1][1]):
        rows.pop()  # blank lines at the end
    rows = [(line, [""] * table.width if tables.is_empty_line(r) else r) for line, r in rows]
    source, target = (table.column(getattr(options, key), key) for key in ("source", "target"))
    for line, row in rows:
        table.check_width(line, row)
    sources, targets = (
        [" ".join(row[column].splitlines()) if quoting else row[column] for _, row in rows]
        for column in (source, target)
    )
    return Pairs(sources, targets, np.array([line for line, _ in rows]))


def _refuse_header(path: Path, line: int, row: tables.Row) -> None:
    """Refuses names of columns that would become a pair: the option `header` says which it is."""
    cells = [cell.strip().casefold() for cell in row]
    if len(cells) > 1 and all(cell in COLUMN_NAMES for cell in cells[:2]):
        raise UserError(
            "header-as-pair",
            f"{cells[0]!r} and {cells[1]!r} seem to be names of columns; set header: true if they "
            "are, or header: false if they are a pair",
            path=path, line=line, key="header", value=cells,
        )  # fmt: skip


def read_aligned(options: Options, folder: Path, names: list[str]) -> Pairs:
    """The same of two files in which line n of one is the translation of line n of the other."""
    sources, targets = (text_files.lines(folder / name, options.encoding) for name in names)
    if len(sources) != len(targets):
        raise UserError(
            "line-count",
            f"{names[0]} has {len(sources)} lines and {names[1]} {len(targets)}; aligned files "
            "have one translation per line: find the line that is missing or broken",
            path=folder, key="files", value=(len(sources), len(targets)),
        )  # fmt: skip
    return Pairs(sources, targets, np.arange(len(sources)) + 1)


def _without_empty(options: Options, source_file: Path, target_file: Path, pairs: Pairs) -> Pairs:
    """The pairs with a sentence on either side."""
    sources, targets = ([text.strip() for text in side] for side in (pairs.sources, pairs.targets))
    empty = [row for row, pair in enumerate(zip(sources, targets, strict=True)) if not all(pair)]
    if empty:
        file, side = (target_file, "target") if sources[empty[0]] else (source_file, "source")
        lines, remaining = pairs.lines[empty].tolist(), len(sources) - len(empty)
        empty_texts.settle(file, side, lines, options.empty, remaining=remaining)
    rows = np.setdiff1d(np.arange(len(sources)), empty)
    return Pairs(sources, targets, pairs.lines).take(rows)


def _distinct(options: Options, raw: Path, pairs: Pairs) -> Pairs:
    return pairs if options.duplicates == "keep" else pair_splits.drop_duplicates(raw, pairs)


def _places(options: Options, source: Path, split: str, pairs: Pairs) -> list[Place]:
    """Of each pair's source sentence."""
    names = (options.files or {}).get(split) or (options.files or {}).get("all")
    path = source / names[0] if names else source
    return [Place(path, int(line)) for line in pairs.lines]
