"""Documents to model language by: text files in a folder or an archive, or one file.

A document is a row. Its tokens are what a model reads and predicts, each after all those before it.
"""

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation import folder_listing, splits, text_files
from pipelines.preparation.splits import SPLITS, HoldOut, SplitSources
from pipelines.preprocessing import documents
from pipelines.storage import arrays

MAX_FILE_BYTES = 1 << 28


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


class Split(HoldOut):
    """method: random (whole documents), or end (the last share of the text is test, and what
    precedes it val). val, test: a fraction below 1, or a number of documents."""

    method: Literal["random", "end"] = "random"
    val: splits.Share = 0.1
    test: splits.Share = 0.1


class Options(BaseModel):
    """Which files are read, and what a token is.

    Args:
        files: which files, by patterns of their names relative to the source: {all: ["*.txt"]}, to
            be split here, or {train: [...], val: [...], test: [...]}; a file that several match is
            of the first of test, val, train. Default: all files.
        document: file: a file is a document; line: each line is one.
        remove: regular expressions of what is no text (stage directions, headings); ^ and $ match
            at lines.
        granularity: what a token is.
        signs: split: punctuation is a token of its own; keep: only spaces separate tokens.
        lowercase: whether capitals are read as small letters.
        line_end: whether the end of a line is a token.
        vocabulary_size: the most frequent tokens of train that are known, and two for unknown
            tokens and padding.
        encoding: of every file, by Python's name.
        split: how documents become train, val and test, where `files` does not say so.
    """

    model_config = STRICT
    files: SplitSources[list[str]] | None = None
    document: Literal["file", "line"] = "file"
    remove: list[Annotated[str, AfterValidator(_compiles)]] = []
    granularity: Literal["word", "character"] = "word"
    signs: Literal["split", "keep"] = "split"
    lowercase: bool = False
    line_end: bool = True
    vocabulary_size: Annotated[int, Field(strict=True, ge=3)] = 10_000
    encoding: str = "utf-8"
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    parts = split_documents(options, raw, read(options, raw), seed)
    settings = documents.Settings(
        options.granularity, options.signs, options.lowercase, options.line_end
    )
    tokenizer = documents.learn(parts["train"], settings, options.vocabulary_size)
    lengths: dict[str, list[int]] = {}
    for name, texts in parts.items():
        tokens = [np.array(ids, np.int32) for ids in tokenizer.encode(texts)]
        arrays.write(out / "repeat0" / name, {"text": texts, "tokens": arrays.Sequences.of(tokens)})
        lengths[name] = list(map(len, tokens))
    (out / "repeat0/assets").mkdir()
    tokenizer.save(out / "repeat0/assets" / documents.VOCABULARY_FILE)
    return data_spec(tokenizer, lengths, ends_at_line=options.document == "line")


def data_spec(
    tokenizer: documents.Tokenizer, lengths: dict[str, list[int]], ends_at_line: bool
) -> spec.DataSpec:
    """The input is the target: every token is predicted from all those before it.

    Args:
        tokenizer: with its ids 0 (padding) and 1 (unknown) before those of the vocabulary.
        lengths: split -> tokens of each document.
        ends_at_line: whether the end of a line is that of a document.
    """
    end = documents.line_end_id(tokenizer) if ends_at_line else -1
    tokens = spec.Field.token_ids(max(map(max, lengths.values())), tokenizer.size)
    return spec.DataSpec(
        inputs={"tokens": tokens},
        target=spec.Target(**vars(tokens), name="tokens"),
        outputs=tokenizer.size,
        request_inputs=("text",),
        task_metadata={
            "granularity": tokenizer.granularity,
            "end": end,  # the id that ends a document; -1: none does
            "tokens": {split: sum(counts) for split, counts in lengths.items()},
        },
    )


def read(options: Options, raw: Path) -> dict[str, list[str]]:
    """Split (or "all") -> texts of its documents, in the order of the files' names."""
    patterns = options.files or {"all": ["*"]}
    texts: dict[str, list[str]] = {name: [] for name in patterns}
    by_precedence = [split for split in ("test", "val", "train", "all") if split in patterns]
    for name, data in sorted(_contents(raw, patterns)):
        split = next(split for split in by_precedence if _matches(name, patterns[split]))
        text = text_files.decode(raw / name if name else raw, data, options.encoding)
        texts[split] += as_documents(text, options)
    for split, selected in patterns.items():
        if not any(texts[split]):
            raise UserError(
                "files-missing", f"no file with text matches {', '.join(selected)}; give a pattern "
                "of names relative to `source`, such as \"*.txt\"",
                path=raw, key=f"files.{split}", value=selected,
            )  # fmt: skip
    return texts


def _contents(raw: Path, patterns: dict[str, list[str]]):
    """(name, bytes) of the files; of one file that is no archive, the name is empty."""
    if raw.is_dir() or raw.suffix in (".zip", ".whl", ".tar", ".tgz"):
        every = [pattern for selected in patterns.values() for pattern in selected]
        selected = lambda name: _matches(name, every)  # noqa: E731
        for name, load in folder_listing.members(raw, selected, MAX_FILE_BYTES):
            if load is not None:
                yield name, load()
    else:
        yield "", text_files.contents(raw)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not name or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def as_documents(text: str, options: Options) -> list[str]:
    """The documents of a file, without what is removed and without blank ones."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for pattern in options.remove:
        text = re.sub(pattern, "", text, flags=re.MULTILINE)
    parts = re.findall("[^\n]+\n?", text) if options.document == "line" else [text]
    return [part for part in parts if part.strip()]


def split_documents(
    options: Options, raw: Path, texts: dict[str, list[str]], seed: int
) -> dict[str, list[str]]:
    """The documents of train, val and test.

    Raises:
        UserError: one document, of which whole ones cannot be drawn for each split; too few
            documents for the sizes.
    """
    split, rows = options.split, next(iter(texts.values()))
    if len(texts) == len(SPLITS):
        return {name: texts[name] for name in SPLITS}
    if len(rows) == 1 and split.method == "random":
        raise UserError(
            "document-alone", "one document, of which none can be drawn for val and test; set "
            "split: {method: end} to cut them from its end, or document: line",
            path=raw, key="split.method", value=split.method,
        )  # fmt: skip
    given = {name: texts[name] for name in ("val", "test") if name in texts}
    sizes = {
        name: splits.split_size(getattr(split, name), len(rows[0] if len(rows) == 1 else rows),
                                f"split.{name}")
        for name in ("test", "val") if name not in given
    }  # fmt: skip
    if len(rows) == 1:
        drawn = _from_the_end(rows[0], sizes)
        parts = {name: [text] for name, text in drawn.items()}
    elif split.method == "end":
        parts = _from_the_end(rows, sizes)
    else:
        order = np.arange(len(rows))
        by_split = splits.hold_out(
            order, np.zeros(len(rows)), order, sizes, np.random.default_rng(seed)
        )
        parts = {name: [rows[row] for row in numbers] for name, numbers in by_split.items()}
    return {name: {**parts, **given}[name] for name in SPLITS}


def _from_the_end(items, sizes: dict[str, int]) -> dict:
    """Split -> its part of a text or a list: what comes first in `sizes` is the very end."""
    parts, end = {}, len(items)
    for name, size in sizes.items():
        parts[name] = items[end - size : end]
        end -= size
    if end < 1:
        raise UserError(
            "split-size", f"val and test take all {len(items)}; make them smaller",
            key="split", value=sizes,
        )  # fmt: skip
    return {"train": items[:end], **parts}
