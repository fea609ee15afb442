"""Any CSV or TSV of labelled texts.

options (params.yaml, `datasets.<key>.options`):

    text, label     column name, or position counted from 0 (then header may be false)
    positive        the label to detect, for two-class tasks: its threshold is calibrated
    delimiter, quoting, header, encoding    how the file is written
    inputs          one block a Keras input: unit (word | subword | character), lowercase,
                    vocabulary_size, max_tokens
    duplicates      drop (keep the first copy) | keep
    overlap         refuse | report: what to do when a test text also stands in train
    split           how rows become train, val and test; see `Split`

Statistics (here: the vocabulary) come from the train part only.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipelines import arrays, checks, duplicates, spec, tokens, windows
from pipelines.checks import Refused

STRICT = ConfigDict(extra="forbid", frozen=True)
Count = Annotated[int, Field(strict=True, ge=1)]
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Position = Annotated[int, Field(strict=True)]
COLUMNS = ("text", "label", "line", "seen")  # what stands beside the inputs in a part


def _input_name(name: str) -> str:
    if name in COLUMNS or not name.isidentifier():
        raise ValueError(f"an input needs a plain name, and not {', '.join(COLUMNS)}")
    return name


InputName = Annotated[str, AfterValidator(_input_name)]


class Input(BaseModel):
    model_config = STRICT
    unit: Literal["word", "subword", "character"] = "word"
    lowercase: bool = True
    vocabulary_size: Annotated[int, Field(strict=True, ge=3)] = 8000
    max_tokens: Count = 64


class Split(BaseModel):
    """method: random (near-copies stay together; `repeats` independent divisions), file_order
    (the last rows are test, as some published protocols have it) or folds (cross-validation).
    val and test: a fraction of all rows when below 1, otherwise a number of rows."""

    model_config = STRICT
    method: Literal["random", "file_order", "folds"] = "random"
    val: Share = 0.15
    test: Share = 0.15
    repeats: Count = 1
    folds: Annotated[int, Field(strict=True, ge=2)] = 10


class Options(BaseModel):
    model_config = STRICT
    text: str | Position = "text"
    label: str | Position = "label"
    positive: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quoting: bool = True
    header: bool = True
    encoding: str = "utf-8"
    inputs: Annotated[dict[InputName, Input], Field(min_length=1)] = {"words": Input()}
    duplicates: Literal["drop", "keep"] = "drop"
    overlap: Literal["refuse", "report"] = "refuse"
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    lines, texts, names = read_table(raw, options)
    labels = checks.classes(raw, names, options.positive)
    targets = np.array([labels.index(name) for name in names], np.int32)
    copies = np.unique([duplicates.fingerprint(t) for t in texts], return_inverse=True)[1]
    kept = np.arange(len(texts))
    if options.duplicates == "drop":
        kept = np.sort(np.unique(copies, return_index=True)[1])
        checks.consistent_labels(raw, lines, copies, targets, labels)
        if len(kept) < len(texts):
            print(f"{raw}: {len(texts) - len(kept)} copies dropped, {len(kept)} texts kept")
    lines, copies, targets = lines[kept], copies[kept], targets[kept]
    texts = [texts[row] for row in kept]
    divisions = divide(options.split, texts, targets, seed)
    for number, parts in enumerate(divisions):
        folder = out / f"split{number}"
        checks.parts(raw, parts, targets, labels)
        seen = np.isin(copies, copies[parts["train"]])
        if options.overlap == "refuse":
            checks.disjoint(
                raw, {name: (lines[rows], copies[rows]) for name, rows in parts.items()}
            )
        write_division(folder, parts, texts, targets, lines, seen, options)
    return describe(options, out, labels, len(divisions))


def read_table(path: Path, options: Options) -> tuple[np.ndarray, list[str], list[str]]:
    """(line numbers, texts, label names) of the data rows of a file."""
    stream = io.StringIO(
        checks.decode(path, options.encoding), newline="" if options.quoting else "\n"
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
        raise Refused(f"{path}, line {line}: {error}; check `delimiter` and `quoting`") from None
    header = rows.pop(0)[1] if options.header and rows else None
    if not rows:
        raise Refused(f"{path}: no data rows; at least one row for each class and part is needed")
    columns = [
        checks.column(path, header, len(rows[0][1]), c) for c in (options.text, options.label)
    ]
    width = len(header or rows[0][1])
    lines, texts, names = [], [], []
    for line, row in rows:
        if len(row) != width:
            raise Refused(
                f"{path}, line {line}: {len(row)} columns found, {width} expected; "
                "check `delimiter` and `quoting`, or mend the line"
            )
        text, name = (row[column].strip() for column in columns)
        if not text or not name:
            raise Refused(
                f"{path}, line {line}: empty {'label' if text else 'text'}; mend or remove it"
            )
        lines.append(line)
        texts.append(text)
        names.append(name)
    return np.array(lines, np.int64), texts, names


def divide(split: Split, texts: Sequence[str], targets: np.ndarray, seed: int) -> list[dict]:
    """Row numbers of train, val and test, for each independent division."""
    count, rows = len(texts), np.arange(len(texts))
    val = windows.part_size(split.val, count, "split.val")
    if split.method == "file_order":
        test = windows.part_size(split.test, count, "split.test")
        rest, val_rows = windows.carve(
            rows[:-test], targets, rows, val, np.random.default_rng(seed)
        )
        return [{"train": rest, "val": val_rows, "test": rows[-test:]}]
    groups = duplicates.near_groups(texts)
    if split.method == "folds":
        numbers = windows.fold_of(targets, groups, split.folds, np.random.default_rng(seed))
        tests = [rows[numbers == fold] for fold in range(split.folds)]
    else:
        test = windows.part_size(split.test, count, "split.test")
        tests = [
            windows.carve(rows, targets, groups, test, np.random.default_rng([seed, repeat]))[1]
            for repeat in range(split.repeats)
        ]
    divisions = []
    for number, test_rows in enumerate(tests):
        rest = np.setdiff1d(rows, test_rows)
        rng = np.random.default_rng([seed, number, 1])
        train, val_rows = windows.carve(rest, targets, groups, val, rng)
        divisions.append({"train": train, "val": val_rows, "test": test_rows})
    return divisions


def write_division(folder, parts, texts, targets, lines, seen, options: Options) -> None:
    train = [texts[row] for row in parts["train"]]
    tokenizers = {
        name: tokens.learn(train, **settings.model_dump())
        for name, settings in options.inputs.items()
    }
    (folder / "assets").mkdir(parents=True)
    for name, tokenizer in tokenizers.items():
        tokenizer.save(folder / "assets" / f"{name}.json")
    for part, rows in parts.items():
        own = [texts[row] for row in rows]
        columns = {
            name: windows.pad(tokenizer.encode(own), tokenizer.max_tokens)
            for name, tokenizer in tokenizers.items()
        }
        columns |= {"text": own, "label": targets[rows], "line": lines[rows]}
        if part == "test":
            columns["seen"] = seen[rows]
        arrays.write(folder / part, columns)


def describe(options: Options, out: Path, labels: Sequence[str], splits: int) -> spec.DataSpec:
    """Vocabularies of several splits differ in length; the model is built for the longest."""
    inputs = {}
    for name, settings in options.inputs.items():
        paths = out.glob(f"split*/assets/{name}.json")
        size = max(tokens.Tokenizer.load(path).size for path in paths)
        inputs[name] = spec.Field((settings.max_tokens,), "int32", "token id", size)
    return spec.DataSpec(
        inputs=inputs, target="label", outputs=len(labels), raw="text",
        labels=tuple(labels), positive=options.positive, splits=splits,
    )  # fmt: skip
