"""Arrays of labelled texts: the token ids of each input, with a vocabulary from train alone.

A split holds label int32, text, one array of token ids per input, and the source of each text:
line, file, or both; in test also seen (is the same text in train?).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import AfterValidator, BaseModel, Field, model_validator

from pipelines import spec
from pipelines.config.schema import STRICT, Count
from pipelines.preparation.validation import Place
from pipelines.preprocessing import tokenization, windows
from pipelines.storage import arrays

COLUMNS = ("text", "label", "line", "file", "seen")  # stored beside the inputs


def _input_name(name: str) -> str:
    if name in COLUMNS or not name.isidentifier():
        raise ValueError(f"an input needs a plain name, and not {', '.join(COLUMNS)}")
    return name


InputName = Annotated[str, AfterValidator(_input_name)]


class Input(BaseModel):
    """granularity: what a token is. lowercase: whether capitals are read as small letters.
    vocabulary_size: the most frequent tokens of train that are known, and two for unknown tokens
    and padding. max_tokens: length of a text; tokens beyond it are cut off. numbers: what is kept
    of a number in words and sub-words: its length (8/10 is read as 0/00) or its value."""

    model_config = STRICT
    granularity: Literal["word", "subword", "character"] = "word"
    lowercase: bool = True
    vocabulary_size: Annotated[int, Field(strict=True, ge=3)] = 8000
    max_tokens: Count = 64
    numbers: Literal["length", "value"] = "length"

    @model_validator(mode="after")
    def _numbers_are_of_words(self):
        if self.granularity == "character" and "numbers" in self.model_fields_set:
            raise ValueError("characters keep every digit; leave `numbers` out")
        return self


class Row(NamedTuple):
    """label: the class name. file: relative to the source, "" for the source itself. line: in the
    file, None where the file is one text. split: "train", "val" or "test" where the source says
    so, else ""."""

    text: str
    label: str
    file: str = ""
    line: int | None = None
    split: str = ""

    def place(self, source: Path) -> Place:
        return Place(source / self.file, self.line)

    @property
    def short_place(self) -> str:
        line = "" if self.line is None else f"line {self.line}"
        return ", ".join(filter(None, (self.file, line)))


def write_repeat(
    folder: Path, splits: Mapping[str, np.ndarray], rows: Sequence[Row], targets: np.ndarray,
    seen: np.ndarray, inputs: Mapping[str, Input],
) -> dict[str, int]:  # fmt: skip
    """Writes the arrays and assets; returns how many texts are too long for each input."""
    train = [rows[row].text for row in splits["train"]]
    tokenizers = {
        name: tokenization.learn(train, **settings.model_dump())
        for name, settings in inputs.items()
    }
    (folder / "assets").mkdir(parents=True)
    for name, tokenizer in tokenizers.items():
        tokenizer.save(folder / "assets" / f"{name}.json")
    truncated = dict.fromkeys(tokenizers, 0)
    for split, numbers in splits.items():
        split_rows = [rows[row] for row in numbers]
        columns = {"text": [row.text for row in split_rows], "label": targets[numbers]}
        for name, tokenizer in tokenizers.items():
            ids = tokenizer.encode(columns["text"])
            truncated[name] += sum(len(row) > tokenizer.max_tokens for row in ids)
            columns[name] = windows.pad(ids, tokenizer.max_tokens)  # (rows, max_tokens)
        if any(row.line for row in rows):
            columns["line"] = np.array([row.line for row in split_rows], np.int64)
        if any(row.file for row in rows):
            columns["file"] = [row.file for row in split_rows]
        if split == "test":
            columns["seen"] = seen[numbers]
        arrays.write(folder / split, columns)
    return truncated


def describe(
    settings_of: Mapping[str, Input], out: Path, labels: Sequence[str], positive: str | None,
    repeats: int,
) -> spec.DataSpec:  # fmt: skip
    """Vocabularies of several repeats differ in length; the model is built for the longest."""
    inputs = {}
    for name, settings in settings_of.items():
        paths = out.glob(f"repeat*/assets/{name}.json")
        size = max(tokenization.Tokenizer.load(path).size for path in paths)
        inputs[name] = spec.Field.token_ids(settings.max_tokens, size)
    return spec.DataSpec(
        inputs=inputs, target=spec.Target.class_id("label", len(labels)), outputs=len(labels),
        request_inputs=("text",), labels=tuple(labels), positive=positive, repeats=repeats,
    )  # fmt: skip
