"""Sentence pairs: what is left out, how they are divided, and the arrays a translator learns from.

A part holds `source` (ids, then END), `target_in` (BEGIN, then ids) and `target_out` (ids, then
END), all padded to `max_tokens`; beside them `text` and `reference`, the sentences as they were,
`line`, and in test `seen`: whether the source also stands in train.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT
from pipelines.preprocessing import windows
from pipelines.preprocessing.sentencepiece import BEGIN, END, Subwords, learn
from pipelines.storage import arrays


class Subword(BaseModel):
    """The joint sub-word vocabulary, and the longest sentence in its pieces (END included)."""

    model_config = STRICT
    vocabulary_size: Annotated[int, Field(strict=True, ge=8)] = 4000
    method: Literal["unigram", "bpe"] = "unigram"
    normalization: Literal["nmt_nfkc", "nfkc", "identity"] = "nmt_nfkc"
    max_tokens: Annotated[int, Field(strict=True, ge=2)] = 64


@dataclass(frozen=True)
class Pairs:
    """Aligned sentences. lines: where each stands in its file, counted from 1."""

    sources: list[str]
    targets: list[str]
    lines: np.ndarray

    def take(self, rows: Sequence[int]) -> "Pairs":
        return Pairs(
            [self.sources[r] for r in rows], [self.targets[r] for r in rows], self.lines[rows]
        )

    def __len__(self) -> int:
        return len(self.sources)


def filtered(place: Path | str, pairs: Pairs, max_characters: int, max_ratio: float) -> Pairs:
    """Without pairs too long, or of lengths so different that they can hardly be translations."""
    lengths = np.array(
        [[len(s), len(t)] for s, t in zip(pairs.sources, pairs.targets, strict=True)]
    )
    long = lengths.max(axis=1) > max_characters
    # From 20 characters on: "Yes." and "Mais oui, bien sûr." say the same.
    uneven = (lengths.max(axis=1) > max_ratio * lengths.min(axis=1)) & (lengths.max(axis=1) >= 20)
    kept = np.flatnonzero(~long & ~uneven)
    if len(kept) < len(pairs):
        print(
            f"{place}: {long.sum()} pairs over {max_characters} characters and "
            f"{(uneven & ~long).sum()} of a length ratio over {max_ratio:g} dropped, "
            f"{len(kept)} kept"
        )
    if not len(kept):
        raise UserError(f"{place}: all {len(pairs)} pairs are filtered out; see max_characters")
    return pairs.take(kept)


def write(
    folder: Path, place: Path | str, parts: dict[str, Pairs], seen: np.ndarray, settings: Subword
) -> Subwords:
    """One division: the sub-word model of its train part, and all parts as arrays."""
    train = parts["train"]
    subwords = learn(
        [*train.sources, *train.targets],
        settings.vocabulary_size, settings.method, settings.normalization,
    )  # fmt: skip
    (folder / "assets").mkdir(parents=True)
    subwords.save(folder / "assets")
    for part, pairs in parts.items():
        sources, targets = subwords.encode(pairs.sources), subwords.encode(pairs.targets)
        longest = settings.max_tokens - 1
        cut = [sum(len(ids) > longest for ids in side) for side in (sources, targets)]
        if any(cut):
            print(
                f"{place}: {part}: {cut[0]} of {len(pairs)} source and {cut[1]} target sentences "
                f"cut at {longest} sub-words; raise subwords.max_tokens to keep them whole"
            )
        columns = {
            "source": _padded([[*ids[:longest], END] for ids in sources], settings),
            "target_in": _padded([[BEGIN, *ids[:longest]] for ids in targets], settings),
            # A sentence that was cut does not end there, so no END is taught.
            "target_out": _padded([[*ids, END] for ids in targets], settings),
            "text": pairs.sources, "reference": pairs.targets, "line": pairs.lines,
        }  # fmt: skip
        if part == "test":
            columns["seen"] = seen
        arrays.write(folder / part, columns)
    return subwords


def _padded(rows: list[list[int]], settings: Subword) -> np.ndarray:
    return windows.pad(rows, settings.max_tokens)


def describe(size: int, settings: Subword, splits: int) -> spec.DataSpec:
    """size: ids of the largest vocabulary; the model is built for it."""
    field = spec.Field.token_ids(settings.max_tokens, size)
    target = spec.Target.token_ids(settings.max_tokens, size, name="target_out")
    return spec.DataSpec(
        inputs={"source": field, "target_in": field}, target=target, outputs=size,
        request_inputs=("text",), repeats=splits,
    )  # fmt: skip
