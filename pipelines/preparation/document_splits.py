"""Whole documents, or the ends of one, as train, val and test; and how they are stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import splits
from pipelines.preparation.splits import SPLITS, HoldOut
from pipelines.preprocessing.documents import DocumentTokenizer
from pipelines.storage import arrays


class DocumentSplit(HoldOut):
    """method: random (whole documents), or end (the last share of the text is test, and what
    precedes it val). val, test: a fraction below 1, or a number of documents."""

    method: Literal["random", "end"] = "random"
    val: splits.Share = 0.1
    test: splits.Share = 0.1


def split(
    options: DocumentSplit, raw: Path, texts: dict[str, list[str]], seed: int
) -> dict[str, list[str]]:
    """The documents of train, val and test.

    Args:
        options: how those are split that the source does not.
        raw: the source, for errors.
        texts: split, or "all" -> documents.
        seed: of the draw.

    Raises:
        UserError: one document, of which whole ones cannot be drawn for each split; too few
            documents for the sizes.
    """
    rows = next(iter(texts.values()))
    if len(texts) == len(SPLITS):
        return {name: texts[name] for name in SPLITS}
    if len(rows) == 1 and options.method == "random":
        raise UserError(
            "document-alone", "one document, of which none can be drawn for val and test; set "
            "split: {method: end} to cut them from its end, or document: line",
            path=raw, key="split.method", value=options.method,
        )  # fmt: skip
    given = {name: texts[name] for name in ("val", "test") if name in texts}
    sizes = {
        name: splits.split_size(getattr(options, name), len(rows[0] if len(rows) == 1 else rows),
                                f"split.{name}")
        for name in ("test", "val") if name not in given
    }  # fmt: skip
    if len(rows) == 1:
        drawn = _from_the_end(rows[0], sizes)
        parts = {name: [text] for name, text in drawn.items()}
    elif options.method == "end":
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


def write(
    folder: Path, texts: Sequence[str], tokenizer: DocumentTokenizer, **columns: np.ndarray
) -> list[int]:
    """Stores a split's documents as texts and as token ids; how many tokens each has.

    Args:
        folder: of the split.
        texts: of the documents.
        tokenizer: of the data set.
        columns: more to store, a row each.
    """
    tokens = [np.array(ids, np.int32) for ids in tokenizer.encode(texts)]
    arrays.write(folder, {"text": texts, "tokens": arrays.Sequences.of(tokens), **columns})
    return list(map(len, tokens))
