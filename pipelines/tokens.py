"""Text to token ids, in plain Python, by rules that a TensorFlow graph can follow to the letter.

A `Tokenizer` is data: an ordered list of regular-expression replacements, whether to lower-case,
and a vocabulary. `prepare` applies it here; `text_classification/serve.py` applies the same asset
with TensorFlow's string operations, so the served model sees the tokens it was trained on. The
expressions therefore keep to what Python's `re` and RE2 read alike: literal ranges, no look-around,
no \\w. TensorFlow's lower-casing knows Unicode 13, which differs from Python's in 40 letters of
scripts added since.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PADDING, UNKNOWN = 0, 1  # ids; the vocabulary starts at 2
SPECIAL_IDS = 2

SPACE = ["[\\x00\\t\\n\\v\\f\\r \u00a0\u2000-\u200b\u2028\u2029\u3000]+", " "]
# ASCII punctuation, Latin-1 signs, and the blocks of punctuation, currency, arrows and pictures.
SIGN = (
    "[!-/:-@\\[-`{-~\u00a1-\u00bf\u00d7\u00f7\u2010-\u2bff\u3001-\u303f\ufe00-\ufe0f"
    "\U0001f000-\U0001faff]"
)

# Of a number only the length is kept: "0909 879 0188" says telephone whatever the digits.
WORD_RULES = [[f"({SIGN})", " \\1 "], ["[0-9]", "0"], ["(0+)", " \\1 "], SPACE]
CHARACTER_RULES = [SPACE]
# Its lower case depends on the locale in TensorFlow; as two characters it does not.
DOTTED_I = ["\u0130", "i\u0307"]


@dataclass(frozen=True)
class Tokenizer:
    """unit: "word" (split at spaces after the rules) or "character". vocabulary[i] has id i + 2."""

    unit: str
    lowercase: bool
    rules: list[list[str]]
    vocabulary: list[str]
    max_tokens: int

    @property
    def size(self) -> int:
        """How many distinct ids there are, padding and unknown included."""
        return len(self.vocabulary) + SPECIAL_IDS

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        ids = {token: number for number, token in enumerate(self.vocabulary, SPECIAL_IDS)}
        return [
            [
                ids.get(token, UNKNOWN)
                for token in split(self.unit, self.lowercase, self.rules, text)
            ]
            for text in texts
        ]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=0) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        return cls(**json.loads(path.read_text("utf-8")))


def split(unit: str, lowercase: bool, rules: Sequence[Sequence[str]], text: str) -> list[str]:
    """The tokens of one text."""
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    if lowercase:
        text = text.lower()
    return list(text) if unit == "character" else [token for token in text.split(" ") if token]


def learn(
    texts: Iterable[str], unit: str, lowercase: bool, vocabulary_size: int, max_tokens: int
) -> Tokenizer:
    """A tokenizer whose vocabulary is the most frequent tokens of the (training) texts."""
    rules = CHARACTER_RULES if unit == "character" else WORD_RULES
    rules = [DOTTED_I, *rules] if lowercase else rules
    counts = Counter(token for text in texts for token in split(unit, lowercase, rules, text))
    by_frequency = sorted(counts, key=lambda token: (-counts[token], token))
    vocabulary = by_frequency[: vocabulary_size - SPECIAL_IDS]
    return Tokenizer(unit, lowercase, rules, vocabulary, max_tokens)
