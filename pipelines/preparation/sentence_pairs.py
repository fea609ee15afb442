"""Sentence pairs: which are filtered out, and the arrays that a translation model learns from.

A split holds `source` (ids, then END), `target_in` (BEGIN, then ids) and `target_out` (ids, then
END), all padded to `max_tokens`; beside them `text` and `reference`, the original sentences,
`line`, and in test `seen`: whether the source is also in train.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report import pairs as pair_report
from pipelines.preprocessing import windows
from pipelines.preprocessing.sentencepiece import BEGIN, END, Subwords, learn
from pipelines.storage import arrays


class SubwordOptions(BaseModel):
    """The joint sub-word vocabulary of both languages, learned from train.

    vocabulary_size: number of sub-words. method: unigram (Kudo 2018) or bpe (Sennrich et al. 2016).
    normalization: of characters, by SentencePiece's name; identity changes nothing. max_tokens: the
    longest sentence in sub-words, with END.
    """

    model_config = STRICT
    vocabulary_size: Annotated[int, Field(strict=True, ge=8)] = 4000
    method: Literal["unigram", "bpe"] = "unigram"
    normalization: Literal["nmt_nfkc", "nfkc", "identity"] = "nmt_nfkc"
    max_tokens: Annotated[int, Field(strict=True, ge=2)] = 64


@dataclass(frozen=True)
class Pairs:
    """Aligned sentences. lines: of each pair in its file, counted from 1."""

    sources: list[str]
    targets: list[str]
    lines: np.ndarray

    def take(self, rows: Sequence[int]) -> "Pairs":
        return Pairs(
            [self.sources[row] for row in rows],
            [self.targets[row] for row in rows],
            self.lines[rows],
        )

    def __len__(self) -> int:
        return len(self.sources)


def filter_lengths(path: Path, pairs: Pairs, max_characters: int, max_ratio: float) -> Pairs:
    """Without pairs too long, or of lengths so different that they can hardly be translations."""
    lengths = np.array(
        [
            [len(source), len(target)]
            for source, target in zip(pairs.sources, pairs.targets, strict=True)
        ]
    )  # (pairs, 2)
    longest, shortest = lengths.max(axis=1), lengths.min(axis=1)
    is_long = longest > max_characters
    # From 20 characters on: "Yes." and "Mais oui, bien sûr." are translations.
    is_uneven = (longest > max_ratio * shortest) & (longest >= 20)
    rows = np.flatnonzero(~is_long & ~is_uneven)
    if len(rows) < len(pairs):
        print(
            f"{path}: {is_long.sum()} pairs over {max_characters} characters and "
            f"{(is_uneven & ~is_long).sum()} of a length ratio over {max_ratio:g} dropped, "
            f"{len(rows)} kept"
        )
    if not len(rows):
        raise UserError(
            "rows-missing",
            f"all {len(pairs)} pairs are filtered out; raise max_characters or max_ratio",
            path=path, key="max_characters", value=max_characters,
        )  # fmt: skip
    return pairs.take(rows)


def write(
    folder: Path, source: Path | str, splits: dict[str, Pairs], seen: np.ndarray,
    settings: SubwordOptions,
) -> Subwords:  # fmt: skip
    """One repeat: the sub-word model of its train split, and all splits as arrays.

    Args:
        folder: to write to.
        source: for messages.
        splits: split -> its pairs.
        seen: for each test pair, whether its source is also in train.
        settings: of the sub-word vocabulary.
    """
    train = splits["train"]
    subwords = learn(
        [*train.sources, *train.targets],
        settings.vocabulary_size, settings.method, settings.normalization,
    )  # fmt: skip
    (folder / "assets").mkdir(parents=True)
    subwords.save(folder / "assets")
    limit, pad = settings.max_tokens - 1, partial(windows.pad, length=settings.max_tokens)
    for split, pairs in splits.items():
        sources, targets = subwords.encode(pairs.sources), subwords.encode(pairs.targets)
        truncated = [sum(len(ids) > limit for ids in side) for side in (sources, targets)]
        if any(truncated):
            print(
                f"{source}: {split}: {truncated[0]} of {len(pairs)} source and {truncated[1]} "
                f"target sentences truncated after {limit} sub-words; raise subwords.max_tokens to "
                "keep them whole"
            )
        columns = {
            "source": pad([[*ids[:limit], END] for ids in sources]),
            "target_in": pad([[BEGIN, *ids[:limit]] for ids in targets]),
            # A truncated sentence does not end there, so the target has no END.
            "target_out": pad([[*ids, END] for ids in targets]),
            "text": pairs.sources, "reference": pairs.targets, "line": pairs.lines,
        }  # fmt: skip
        if split == "test":
            columns["seen"] = seen
        arrays.write(folder / split, columns)
    return subwords


def write_report(out: Path, pairs_of: Mapping[str, Pairs]) -> None:
    """The data report on all pairs, also those that are dropped.

    Args:
        out: the folder for it.
        pairs_of: split, or "all" -> its pairs as they were read.
    """
    sources = [text for pairs in pairs_of.values() for text in pairs.sources]
    targets = [text for pairs in pairs_of.values() for text in pairs.targets]
    places = [
        f"line {line}" if split == "all" else f"{split}, line {line}"
        for split, pairs in pairs_of.items()
        for line in pairs.lines.tolist()
    ]
    report = pair_report.report(sources, targets, places)
    findings.write(out, findings.accepted(report))


def describe(size: int, settings: SubwordOptions, repeats: int) -> spec.DataSpec:
    """size: ids of the largest vocabulary; the model is built for it."""
    field = spec.Field.token_ids(settings.max_tokens, size)
    target = spec.Target.token_ids(settings.max_tokens, size, name="target_out")
    return spec.DataSpec(
        inputs={"source": field, "target_in": field}, target=target, outputs=size,
        request_inputs=("text",), repeats=repeats,
    )  # fmt: skip
