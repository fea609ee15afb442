"""Documents to model language by: text files in a folder or an archive, or one file.

A document is a row. Its tokens are what a model reads and predicts, each after all those before it.
"""

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation import document_splits, folder_listing, text_files
from pipelines.preparation.document_splits import DocumentSplit
from pipelines.preparation.splits import SplitSources
from pipelines.preprocessing import documents

MAX_FILE_BYTES = 1 << 28


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


class Options(BaseModel):
    """Which files are read, and what a token is.

    Args:
        files: which files, by patterns of their names relative to the source: {all: ["*.txt"]}, to
            be split here, or {train: [...], val: [...], test: [...]}; a file that several match is
            of the first of test, val, train. Default: all files.
        document: file: a file is a document; line: each line is one.
        remove: regular expressions of what is no text (stage directions, headings); ^ and $ match
            at lines.
        granularity: what a token is. Sub-words and characters give a text back exactly, and their
            bits per character can be compared.
        signs: of words alone. split: punctuation is a token of its own; keep: only spaces separate
            tokens.
        lowercase: whether capitals are read as small letters.
        line_end: whether the end of a line is a token.
        vocabulary_size: the most frequent tokens of train that are known, and two for unknown
            tokens and padding; of sub-words, with 256 for the bytes of unknown characters.
        encoding: of every file, by Python's name.
        split: how documents become train, val and test, where `files` does not say so.
    """

    model_config = STRICT
    files: SplitSources[list[str]] | None = None
    document: Literal["file", "line"] = "file"
    remove: list[Annotated[str, AfterValidator(_compiles)]] = []
    granularity: Literal["word", "subword", "character"] = "word"
    signs: Literal["split", "keep"] = "split"
    lowercase: bool = False
    line_end: bool = True
    vocabulary_size: Annotated[int, Field(strict=True, ge=3)] = 10_000
    encoding: str = "utf-8"
    split: DocumentSplit = DocumentSplit()

    @model_validator(mode="after")
    def _subwords_are_lossless(self):
        if self.granularity == "subword" and (self.lowercase or not self.line_end):
            raise ValueError("sub-words keep capitals and lines; remove `lowercase` and `line_end`")
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    parts = document_splits.split(options.split, raw, read(options, raw), seed)
    settings = documents.Settings(
        options.granularity, options.signs, options.lowercase, options.line_end
    )
    tokenizer = documents.learn(parts["train"], settings, options.vocabulary_size)
    lengths: dict[str, list[int]] = {}
    for name, texts in parts.items():
        lengths[name] = document_splits.write(out / "repeat0" / name, texts, tokenizer)
    (out / "repeat0/assets").mkdir()
    documents.save(tokenizer, out / "repeat0/assets")
    return data_spec(tokenizer, lengths, ends_at_line=options.document == "line")


def data_spec(
    tokenizer: documents.DocumentTokenizer, lengths: dict[str, list[int]], ends_at_line: bool
) -> spec.DataSpec:
    """The input is the target: every token is predicted from all those before it.

    Args:
        tokenizer: with its ids 0 (padding) and 1 (unknown) before those of the vocabulary.
        lengths: split -> tokens of each document.
        ends_at_line: whether the end of a line is that of a document.
    """
    end = documents.line_end_id(tokenizer) if ends_at_line else -1
    longest = max(map(max, lengths.values()))
    tokens = spec.Field((longest,), "int32", "token id", tokenizer.size, kind="ids")
    return spec.DataSpec(
        inputs={"tokens": tokens},
        target=spec.Target(**vars(tokens), name="tokens"),
        outputs=tokenizer.size,
        request_inputs=("text",),
        task_metadata={
            "granularity": tokenizer.granularity,
            "end": end,  # the id that ends a document; -1: none does
            "by_frequency_from": documents.first_by_frequency(tokenizer),
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
