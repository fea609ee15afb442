"""Documents to tokens and back, for language models: by rules that a graph reproduces exactly.

Tokens are words and signs, sub-words, or characters. The end of a line may be a token too. In words
it is written as LINE_END, as spaces separate tokens; otherwise it is a line feed itself. Sub-words
and known characters give a text back exactly; words do not keep its spaces.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.preprocessing import tokenization
from pipelines.preprocessing.document_subwords import (
    FIRST_PIECE,
    LINE_END_ID,
    DocumentSubwords,
)
from pipelines.preprocessing.tokenization import SPACE, SPECIAL_IDS, Tokenizer

VOCABULARY_FILE = "tokens.json"  # in the assets of a split
LINE_END = "\u23ce"
# The signs of tokenization.py without apostrophes and hyphens, which belong to words: I'll, to-day.
SIGN = (
    "[!-&(-,./:-@\\[-`{-~\u00a1-\u00bf\u00d7\u00f7\u2012-\u2018\u201a-\u2bff\u3001-\u303f"
    "\ufe00-\ufe0f\U0001f000-\U0001faff]"
)
LINE_FEED = ["\n", f" {LINE_END} "]
# Tokens, with spaces between them, to text: no space before a closing sign or after an opening one.
JOINING = [[" ([.,;:!?)\\]}%])", "\\1"], ["([(\\[{]) ", "\\1"], [f" ?{LINE_END} ?", "\n"]]


@dataclass(frozen=True)
class Settings:
    """See the options of datasets/text_documents.py."""

    granularity: str
    signs: str
    lowercase: bool
    line_end: bool

    @property
    def rules(self) -> list[list[str]]:
        if self.granularity == "character":
            return [] if self.line_end else [["\n", " "]]
        split_signs = [[f"({SIGN})", " \\1 "]] if self.signs == "split" else []
        return [*([LINE_FEED] if self.line_end else []), *split_signs, SPACE]


DocumentTokenizer = Tokenizer | DocumentSubwords


def learn(texts: Sequence[str], settings: Settings, vocabulary_size: int) -> DocumentTokenizer:
    """A tokenizer with the most frequent tokens of the (training) documents, or with sub-words.

    Args:
        vocabulary_size: number of ids, padding and the unknown included.
    """
    if settings.granularity == "subword":
        return DocumentSubwords.learn(texts, vocabulary_size)
    rules = [*([tokenization.DOTTED_I] if settings.lowercase else []), *settings.rules]
    counts: Counter[str] = Counter()
    longest = 0
    for text in texts:
        tokens = tokenization.split(settings.granularity, settings.lowercase, rules, text)
        counts.update(tokens)
        longest = max(longest, len(tokens))
    vocabulary = tokenization.most_frequent(counts)[: vocabulary_size - SPECIAL_IDS]
    return Tokenizer(settings.granularity, settings.lowercase, rules, vocabulary, longest)


def save(tokenizer: DocumentTokenizer, assets: Path) -> None:
    """Writes the tokenizer into the folder of a split's assets."""
    is_words = isinstance(tokenizer, Tokenizer)
    tokenizer.save(assets / VOCABULARY_FILE if is_words else assets)


def load(assets: Path) -> DocumentTokenizer:
    """The tokenizer that `save` wrote."""
    path = assets / VOCABULARY_FILE
    return Tokenizer.load(path) if path.is_file() else DocumentSubwords.load(assets)


def texts_of(tokenizer: DocumentTokenizer) -> list[str]:
    """What each id writes; "" for those that a model must not draw: padding, the unknown, bytes."""
    if isinstance(tokenizer, DocumentSubwords):
        return tokenizer.texts
    return [""] * SPECIAL_IDS + list(tokenizer.vocabulary)


def first_by_frequency(tokenizer: DocumentTokenizer) -> int:
    """The id of the most frequent token of train; those after it are less and less frequent."""
    return FIRST_PIECE if isinstance(tokenizer, DocumentSubwords) else SPECIAL_IDS


def decode(tokenizer: DocumentTokenizer, ids: Sequence[int]) -> str:
    """The text of ids."""
    if isinstance(tokenizer, DocumentSubwords):
        return tokenizer.decode(ids)
    texts = texts_of(tokenizer)
    return join([texts[number] for number in ids], tokenizer.granularity)


def line_end_id(tokenizer: DocumentTokenizer) -> int:
    """The id of the end of a line; -1 where it is no token."""
    if isinstance(tokenizer, DocumentSubwords):
        return LINE_END_ID
    token = "\n" if tokenizer.granularity == "character" else LINE_END
    known = token in tokenizer.vocabulary
    return tokenizer.vocabulary.index(token) + SPECIAL_IDS if known else -1


def join(tokens: Sequence[str], granularity: str) -> str:
    """The text of tokens, as people write it."""
    if granularity == "character":
        return "".join(tokens)
    text = " ".join(tokens)
    for pattern, replacement in JOINING:
        text = re.sub(pattern, replacement, text)
    return text
