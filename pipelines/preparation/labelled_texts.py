"""Labelled texts become parts on disk: copies, division, vocabulary, arrays; for every recipe.

A part holds label int32, text, one array of token ids an input, and what says where a text comes
from: line, file, or both; in test also seen (does the same text stand in train?).

What a source divides stays divided: copies are dropped within its parts, and a text that stands in
two of them is refused or reported. Statistics (here: the vocabulary) come from train only.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

import numpy as np
from pydantic import AfterValidator, BaseModel, Field, model_validator

from pipelines import spec
from pipelines.config import errors
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import near_duplicates, text_splits, validation
from pipelines.preprocessing import tokenization, windows
from pipelines.storage import arrays

COLUMNS = ("text", "label", "line", "file", "seen")  # what stands beside the inputs in a part


def _input_name(name: str) -> str:
    if name in COLUMNS or not name.isidentifier():
        raise ValueError(f"an input needs a plain name, and not {', '.join(COLUMNS)}")
    return name


def _whole_or_parts(given: dict) -> dict:
    if ("all" in given) == ("train" in given):
        raise ValueError("give either `all`, to be divided here, or `train`")
    if "all" in given and len(given) > 1:
        raise ValueError("`all` is divided here; `val` and `test` go with `train`")
    return given


T = TypeVar("T")
InputName = Annotated[str, AfterValidator(_input_name)]
Parts = Annotated[dict[Literal["all", "train", "val", "test"], T], AfterValidator(_whole_or_parts)]


class Input(BaseModel):
    model_config = STRICT
    unit: Literal["word", "subword", "character"] = "word"
    lowercase: bool = True
    vocabulary_size: Annotated[int, Field(strict=True, ge=3)] = 8000
    max_tokens: Count = 64
    numbers: Literal["length", "value"] = "length"

    @model_validator(mode="after")
    def _numbers_are_of_words(self):
        if self.unit == "character" and "numbers" in self.model_fields_set:
            raise ValueError("characters keep every digit; leave `numbers` out")
        return self


class Options(BaseModel):
    """positive: the label to detect, for two-class tasks: its threshold is calibrated. inputs: one
    block a Keras input; what lies beyond max_tokens is cut; numbers, for words and sub-words: their
    length (8/10 is read as 0/00) | their value. duplicates: drop (keep the first copy) | keep.
    overlap: refuse | report: what to do when a text of one part also stands in another. split: how
    rows become train, val and test; see `divisions.Split`."""

    model_config = STRICT
    positive: str | None = None
    inputs: Annotated[dict[InputName, Input], Field(min_length=1)] = {"words": Input()}
    duplicates: Literal["drop", "keep"] = "drop"
    overlap: Literal["refuse", "report"] = "refuse"
    split: text_splits.Split = text_splits.Split()


class Row(NamedTuple):
    """name: the class. file: relative to the source, "" for the source itself. line: where in the
    file, 0 where the file is one text. part: "train", "val" or "test" where the source says so."""

    text: str
    name: str
    file: str = ""
    line: int = 0
    part: str = ""

    @property
    def where(self) -> str:
        """Its place in the source, for messages."""
        return ", ".join(filter(None, (self.file, self.line and f"line {self.line}")))


def prepare(
    source: Path, rows: Sequence[Row], options: Options, out: Path, seed: int
) -> spec.DataSpec:
    """Every division into out/split<i>/, and the spec that describes them."""
    labels = validation.classes(source, [row.name for row in rows], options.positive)
    if options.duplicates == "drop":
        rows = without_copies(source, rows)
    targets = np.array([labels.index(row.name) for row in rows], np.int32)
    copies = _numbered(near_duplicates.fingerprint(row.text) for row in rows)
    texts, given = [row.text for row in rows], [row.part for row in rows]
    found = text_splits.divide(source, options.split, texts, given, targets, seed)
    cut = []
    for number, parts in enumerate(found):
        validation.parts(source, parts, targets, labels)
        overlap(source, rows, parts, copies, options)
        seen = np.isin(copies, copies[parts["train"]])
        cut.append(write_division(out / f"repeat{number}", parts, rows, targets, seen, options))
    for name, settings in options.inputs.items():
        if most := max(counts[name] for counts in cut):
            print(
                f"{source}: {most} of {len(rows)} texts lose their end after {settings.max_tokens} "
                f"tokens; raise inputs.{name}.max_tokens to keep them whole"
            )
    return describe(options, out, labels, len(found))


def without_copies(source: Path, rows: Sequence[Row]) -> list[Row]:
    """The first copy of each text in each part that the source gives, all copies of one label."""
    copies = _numbered((row.part, near_duplicates.fingerprint(row.text)) for row in rows)
    validation.consistent_labels(
        source, [row.where for row in rows], copies, [row.name for row in rows]
    )
    kept = np.sort(np.unique(copies, return_index=True)[1])
    if len(kept) < len(rows):
        print(f"{source}: {len(rows) - len(kept)} copies dropped, {len(kept)} texts kept")
    return [rows[row] for row in kept]


def _numbered(things: Iterable[Hashable]) -> np.ndarray:
    """A number for every thing; equal things share one."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(thing, len(numbers)) for thing in things], np.int64)


def overlap(source: Path, rows: Sequence[Row], parts: Mapping, copies, options: Options) -> None:
    """Refuses the texts that stand in two parts, or says how many there are."""
    if options.overlap == "refuse":
        where = {part: [rows[row].where for row in own] for part, own in parts.items()}
        validation.disjoint(
            source, {part: (where[part], copies[own]) for part, own in parts.items()}
        )
    for part in ("val", "test"):
        shared = int(np.isin(copies[parts[part]], copies[parts["train"]]).sum())
        if shared:
            print(f"{source}: {shared} of {len(parts[part])} {part} texts also stand in train")


def write_division(
    folder: Path, parts: Mapping, rows: Sequence[Row], targets, seen, options: Options
) -> dict[str, int]:
    """Writes the arrays and assets; returns how many texts are too long for each input."""
    train = [rows[row].text for row in parts["train"]]
    tokenizers = {
        name: tokenization.learn(train, **settings.model_dump())
        for name, settings in options.inputs.items()
    }
    (folder / "assets").mkdir(parents=True)
    for name, tokenizer in tokenizers.items():
        tokenizer.save(folder / "assets" / f"{name}.json")
    cut = dict.fromkeys(tokenizers, 0)
    for part, numbers in parts.items():
        own = [rows[row] for row in numbers]
        columns = {"text": [row.text for row in own], "label": targets[numbers]}
        for name, tokenizer in tokenizers.items():
            ids = tokenizer.encode(columns["text"])
            cut[name] += sum(len(row) > tokenizer.max_tokens for row in ids)
            columns[name] = windows.pad(ids, tokenizer.max_tokens)
        if any(row.line for row in rows):
            columns["line"] = np.array([row.line for row in own], np.int64)
        if any(row.file for row in rows):
            columns["file"] = [row.file for row in own]
        if part == "test":
            columns["seen"] = seen[numbers]
        arrays.write(folder / part, columns)
    return cut


def describe(options: Options, out: Path, labels: Sequence[str], splits: int) -> spec.DataSpec:
    """Vocabularies of several splits differ in length; the model is built for the longest."""
    inputs = {}
    for name, settings in options.inputs.items():
        paths = out.glob(f"repeat*/assets/{name}.json")
        size = max(tokenization.Tokenizer.load(path).size for path in paths)
        inputs[name] = spec.Field.token_ids(settings.max_tokens, size)
    return spec.DataSpec(
        inputs=inputs, target=spec.Target.class_id("label", len(labels)), outputs=len(labels),
        request_inputs=("text",), labels=tuple(labels), positive=options.positive, repeats=splits,
    )  # fmt: skip


def sources(raw: Path, files: Mapping[str, T] | None) -> dict[str, T | None]:
    """Part ("" to be divided) -> what `files` names for it; None stands for `raw` itself."""
    if raw.is_dir() and files is None:
        raise UserError(
            f"{raw}: is a folder; set `files` to {{all: ...}} or {{train: ..., test: ...}}"
        )
    if not raw.is_dir() and files is not None:
        raise UserError(f"{raw}: `files` is for a folder, and this is a file; remove `files`")
    return {part.removeprefix("all"): named for part, named in (files or {"": None}).items()}


def member(raw: Path, name: str) -> Path:
    """A file of the folder, by the name that `files` gives it."""
    if not (raw / name).is_file():
        there = sorted(path.name for path in (raw / name).parent.glob("*") if path.is_file())
        raise UserError(f"{raw}: no file {name!r}; {errors.one_of(name, there[:20])}")
    return raw / name
