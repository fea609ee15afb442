"""Any sentence pairs: one TSV or CSV, or a folder of files aligned line by line.

source (params.yaml, `datasets.<key>.source`): a table of two columns, or a folder.

options (`datasets.<key>.options`):

    source, target      a table's columns, by name (header: true) or position counted from 0
    delimiter, header   how a table is written; there is no quoting, one line is one pair
    files               a folder's files, two a part: {all: [en.txt, fr.txt]}, or the published
                        parts {train: [...], val: [...], test: [...]}
    encoding            of every file
    empty               refuse | drop: what to do with a line that is empty on one side
    max_characters, max_ratio    longer pairs, and pairs of very different lengths, are dropped
                        from train; val and test keep theirs, or a score would flatter
    duplicates          drop (keep the first copy of a pair) | keep
    overlap             refuse | report: what to do when a test source also stands in train
    subwords            vocabulary_size, method, normalization, max_tokens; see sentence_pairs.py
    split               val, test: a fraction below 1, or rows; repeats: independent divisions

The sub-word vocabulary comes from the train part only.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import near_duplicates, sentence_pairs, splits, text_files, validation
from pipelines.preparation.sentence_pairs import Pairs
from pipelines.preparation.splits import Share

Position = Annotated[int, Field(strict=True)]
Two = Annotated[list[str], Field(min_length=2, max_length=2)]
PARTS = ("train", "val", "test")


class Split(BaseModel):
    model_config = STRICT
    val: Share = 0.1
    test: Share = 0.1
    repeats: Count = 1


class Options(BaseModel):
    model_config = STRICT
    source: str | Position = 0
    target: str | Position = 1
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = "\t"
    header: bool = False
    files: dict[Literal["all", "train", "val", "test"], Two] | None = None
    encoding: str = "utf-8"
    empty: Literal["refuse", "drop"] = "refuse"
    max_characters: Count = 400
    max_ratio: Annotated[float, Field(ge=1)] = 3.0
    duplicates: Literal["drop", "keep"] = "drop"
    overlap: Literal["refuse", "report"] = "refuse"
    subwords: sentence_pairs.Subword = sentence_pairs.Subword()
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    found = read(options, raw)
    if "all" in found:
        kept = sentence_pairs.filtered(raw, found["all"], options.max_characters, options.max_ratio)
        divisions = divide(options.split, distinct(options, raw, kept), seed)
    else:
        train = sentence_pairs.filtered(
            raw, found["train"], options.max_characters, options.max_ratio
        )
        divisions = [{**found, "train": distinct(options, raw, train)}]
    sizes = []
    for number, parts in enumerate(divisions):
        seen = overlap(options, raw, parts)
        folder = out / f"repeat{number}"
        sizes.append(sentence_pairs.write(folder, raw, parts, seen, options.subwords).size)
    return sentence_pairs.describe(max(sizes), options.subwords, len(divisions))


def read(options: Options, raw: Path) -> dict[str, Pairs]:
    """{"all": pairs} or {"train": ..., "val": ..., "test": ...}."""
    if not raw.is_dir():
        if options.files is not None:
            raise UserError(f"{raw}: `files` is for a folder, and this is a file; remove `files`")
        return {"all": _clean(options, raw, raw, *read_table(options, raw))}
    if set(options.files or {}) not in ({"all"}, set(PARTS)):
        raise UserError(
            f"{raw}: is a folder; set `files` to {{all: [source, target]}} or the parts"
        )
    return {
        part: _clean(options, *(raw / n for n in names), *read_aligned(options, raw, names))
        for part in ("all", *PARTS)
        if (names := options.files.get(part))
    }


def read_table(options: Options, path: Path) -> tuple[list[str], list[str], int]:
    """Source and target texts, and the line number of the first."""
    rows = [line.split(options.delimiter) for line in text_files.lines(path, options.encoding)]
    header = rows.pop(0) if options.header else None
    first = 2 if options.header else 1
    if not rows:
        raise UserError(f"{path}: no data rows; one line a sentence pair is needed")
    width = len(header or rows[0])
    columns = [text_files.column(path, header, width, c) for c in (options.source, options.target)]
    for line, row in enumerate(rows, first):
        if len(row) != width:
            raise UserError(
                f"{path}, line {line}: {len(row)} columns found, {width} expected; "
                "check `delimiter` or mend the line"
            )
    return [r[columns[0]] for r in rows], [r[columns[1]] for r in rows], first


def read_aligned(options: Options, folder: Path, names: list[str]) -> tuple[list, list, int]:
    """The same of two files in which line n of one is the translation of line n of the other."""
    sources, targets = (text_files.lines(folder / name, options.encoding) for name in names)
    if len(sources) != len(targets):
        raise UserError(
            f"{folder}: {names[0]} has {len(sources)} lines and {names[1]} {len(targets)}; "
            "aligned files have one translation a line, so find the line that is missing or broken"
        )
    return sources, targets, 1


def _clean(options, source_file: Path, target_file: Path, sources, targets, first: int) -> Pairs:
    sources, targets = ([text.strip() for text in side] for side in (sources, targets))
    empty = [row for row, pair in enumerate(zip(sources, targets, strict=True)) if not all(pair)]
    if empty and options.empty == "refuse":
        row = empty[0]
        file, side = (target_file, "target") if sources[row] else (source_file, "source")
        raise UserError(
            f"{file}, line {row + first}: empty {side} sentence, {len(empty)} such pairs; "
            "mend them or set empty: drop"
        )
    if empty:
        print(f"{source_file}: {len(empty)} pairs with an empty side dropped")
    kept = np.setdiff1d(np.arange(len(sources)), empty)
    if not len(kept):
        raise UserError(f"{source_file}: no pair with a sentence on either side")
    return Pairs(sources, targets, np.arange(len(sources)) + first).take(kept)


def distinct(options: Options, place: Path, found: Pairs) -> Pairs:
    """The first copy of each pair. A source with several translations is no copy."""
    if options.duplicates == "keep":
        return found
    first: dict[tuple[str, str], int] = {}
    for row, pair in enumerate(zip(found.sources, found.targets, strict=True)):
        first.setdefault(tuple(map(near_duplicates.fingerprint, pair)), row)
    if len(first) < len(found):
        print(f"{place}: {len(found) - len(first)} copies dropped, {len(first)} pairs kept")
    return found.take(list(first.values()))


def divide(split: Split, found: Pairs, seed: int) -> list[dict[str, Pairs]]:
    """Random parts; sources that nearly say the same stay together."""
    rows, alike = np.arange(len(found)), np.zeros(len(found), np.int64)
    groups = near_duplicates.near_groups(found.sources)
    test = splits.part_size(split.test, len(found), "split.test")
    val = splits.part_size(split.val, len(found), "split.val")
    divisions = []
    for repeat in range(split.repeats):
        rng = np.random.default_rng([seed, repeat])
        rest, test_rows = splits.carve(rows, alike, groups, test, rng)
        train, val_rows = splits.carve(rest, alike, groups, val, rng)
        chosen = dict(zip(PARTS, (train, val_rows, test_rows), strict=True))
        for part, own in chosen.items():
            if not len(own):
                raise UserError(f"split: no pair is left for {part}; too many near-copies, or rows")
        divisions.append({part: found.take(own) for part, own in chosen.items()})
    return divisions


def overlap(options: Options, place: Path, parts: dict[str, Pairs]) -> np.ndarray:
    """Which test sources also stand in train; refused unless they are to be reported."""
    prints = {
        part: np.array([near_duplicates.fingerprint(text) for text in own.sources])
        for part, own in parts.items()
    }
    if options.overlap == "refuse":
        where = {part: [f"line {line}" for line in own.lines] for part, own in parts.items()}
        validation.disjoint(place, {part: (where[part], prints[part]) for part in prints})
    return np.isin(prints["test"], prints["train"])
