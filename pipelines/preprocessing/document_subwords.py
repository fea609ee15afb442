"""Documents to sub-words and back, without loss: the tokenizer of language models' sub-words.

It has what language models need of `tokenization.Tokenizer`: ids 0 (padding) and 1 (unknown) come
before all others, `encode`, `size` and `granularity`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.preprocessing import sentencepiece
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.preprocessing.tokenization import SPECIAL_IDS

LINE_END_ID = SPECIAL_IDS
BYTES = 256
FIRST_PIECE = LINE_END_ID + 1 + BYTES  # the most probable piece that is no line feed


@dataclass(frozen=True)
class DocumentSubwords:
    """A SentencePiece model of documents. model: learned by `sentencepiece.learn_lossless`."""

    model: Subwords
    granularity = "subword"

    @classmethod
    def learn(cls, texts: Sequence[str], vocabulary_size: int) -> "DocumentSubwords":
        """Of (training) documents. vocabulary_size: the number of ids, at most."""
        lines = [line for text in texts for line in text.splitlines(keepends=True)]
        return cls(sentencepiece.learn_lossless(lines, vocabulary_size))

    @property
    def size(self) -> int:
        return self.model.size

    @property
    def texts(self) -> list[str]:
        """What each id writes; "" for ids that a model must not draw: special ones and bytes."""
        return self.model.texts

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        return self.model.encode(list(texts))

    def decode(self, ids: Sequence[int]) -> str:
        return self.model.text(ids)

    def save(self, assets: Path) -> None:
        self.model.save(assets)

    @classmethod
    def load(cls, assets: Path) -> "DocumentSubwords":
        return cls(Subwords.load(assets))
