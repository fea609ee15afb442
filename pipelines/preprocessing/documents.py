"""Documents to tokens and back, for language models: by rules that a graph reproduces exactly.

Tokens are words and signs, or characters. The end of a line may be a token too. In words it is
written as LINE_END, as spaces separate tokens; a character is a line feed itself.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.preprocessing import tokenization
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


def learn(texts: Sequence[str], settings: Settings, vocabulary_size: int) -> Tokenizer:
    """A tokenizer with the most frequent tokens of the (training) documents.

    Args:
        vocabulary_size: number of ids, padding and the unknown included.
    """
    rules = [*([tokenization.DOTTED_I] if settings.lowercase else []), *settings.rules]
    counts: Counter[str] = Counter()
    longest = 0
    for text in texts:
        tokens = tokenization.split(settings.granularity, settings.lowercase, rules, text)
        counts.update(tokens)
        longest = max(longest, len(tokens))
    vocabulary = tokenization.most_frequent(counts)[: vocabulary_size - SPECIAL_IDS]
    return Tokenizer(settings.granularity, settings.lowercase, rules, vocabulary, longest)


def line_end_id(tokenizer: Tokenizer) -> int:
    """The id of the end of a line; -1 where it is no token."""
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
