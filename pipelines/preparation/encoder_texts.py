"""Prepared texts as the word pieces of a pretrained encoder, in place of the tokens they had."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.config.errors import UserError
from pipelines.preparation.encoder_folder import Encoder
from pipelines.preprocessing import windows
from pipelines.preprocessing.wordpiece import GRANULARITY, WordPieces
from pipelines.spec import DataSpec, Field
from pipelines.storage import arrays

INPUT = "pieces"  # name of the only input, and of its file in assets/
TEXT = "text"  # the column that is tokenized
MAX_TOKENS = 128
SPLITS = ("train", "val", "test")


def write(
    source: Path, out: Path, spec: DataSpec, encoder: Encoder, max_tokens: int | None
) -> DataSpec:
    """Writes the repeats of a prepared data set into `out`, tokenized for the encoder.

    Args:
        source: the prepared data set.
        out: the folder of the warm start.
        spec: of the source.
        encoder: whose vocabulary and case are used.
        max_tokens: of a text; by default 128, or what the encoder takes.

    Returns:
        The spec, with the ids as its only input and the digests of the new splits.
    """
    if spec.request_inputs != (TEXT,):
        raise UserError(
            "encoder-without-texts",
            "the weights are of a text encoder, and this data set holds "
            f"{spec.request_inputs[0]!r}; name a data set of labelled texts",
            path=source, key="dataset", value=spec.request_inputs[0],
        )  # fmt: skip
    tokenizer = WordPieces(encoder.vocabulary, encoder.lowercase, _limit(encoder, max_tokens))
    truncated, rows, digests = 0, 0, {}
    for repeat in (f"repeat{number}" for number in range(spec.repeats)):
        (out / repeat / "assets").mkdir(parents=True)
        tokenizer.save(out / repeat / "assets" / f"{INPUT}.json")
        for split in (f"{repeat}/{name}" for name in SPLITS):
            columns = arrays.read(source / split)
            cut = _tokenize(columns, spec, tokenizer)
            truncated, rows = truncated + cut, rows + len(columns[TEXT])
            arrays.write(out / split, columns)
            digests[split] = arrays.digest(out / split)
    if truncated:
        print(
            f"{truncated} of {rows} texts are truncated after {tokenizer.max_tokens} word pieces; "
            "raise max_tokens to keep them whole"
        )
    return replace(
        spec,
        inputs={INPUT: Field.token_ids(tokenizer.max_tokens, tokenizer.size)},
        digests=digests,
        task_metadata={**spec.task_metadata, "granularity": {INPUT: GRANULARITY}},
    )


def _limit(encoder: Encoder, max_tokens: int | None) -> int:
    if max_tokens is not None and max_tokens > encoder.positions:
        raise UserError(
            "max-tokens-too-many",
            f"the encoder has {encoder.positions} positions; lower it to at most that",
            key="max_tokens", value=max_tokens,
        )  # fmt: skip
    return max_tokens or min(MAX_TOKENS, encoder.positions)


def _tokenize(columns: Mapping, spec: DataSpec, tokenizer: WordPieces) -> int:
    """Replaces the inputs among the columns; how many texts were cut off."""
    for name in spec.inputs:
        del columns[name]
    ids = tokenizer.encode(columns[TEXT])
    columns[INPUT] = windows.pad([tokenizer.cut(row) for row in ids], tokenizer.max_tokens)
    return sum(len(row) > tokenizer.max_tokens for row in ids)
