"""Text to token ids, in plain Python, by rules that a TensorFlow graph reproduces exactly.

A `Tokenizer` is data: an ordered list of regular-expression replacements, whether to lower-case,
and a vocabulary. `prepare` applies it here; `text_classification/serve.py` applies the same asset
with TensorFlow's string operations, so the served model sees the tokens it was trained on. The
expressions therefore use only what Python's `re` and RE2 have in common: literal ranges, no
look-around, no \\w. TensorFlow lower-cases by Unicode 13, which differs from Python's version in 40
letters of scripts added since.

Sub-words are one more rule. A word, with WORD_START before it, is split from the left into the
longest pieces in the vocabulary, as matched by an expression of all pieces, longest first:
`(▁ring|▁the|ing|...)`. So the graph needs no other operations than for words.
"""

import functools
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PADDING, UNKNOWN = 0, 1  # ids; the vocabulary starts at 2
SPECIAL_IDS = 2

SPACE = ["[\\x00\\t\\n\\v\\f\\r \u00a0\u2000-\u200b\u2028\u2029\u3000]+", " "]
# ASCII punctuation, Latin-1 signs, and the blocks of punctuation, currency, arrows and pictographs.
SIGN = (
    "[!-/:-@\\[-`{-~\u00a1-\u00bf\u00d7\u00f7\u2010-\u2bff\u3001-\u303f\ufe00-\ufe0f"
    "\U0001f000-\U0001faff]"
)

NUMBERS = {
    "length": [["[0-9]", "0"], ["(0+)", " \\1 "]],
    "value": [["([0-9]+)", " \\1 "]],
}
CHARACTER_RULES = [SPACE]
WORD_START = "\u2581"
# In TensorFlow its lower case depends on the locale; that of the two characters does not.
DOTTED_I = ["\u0130", "i\u0307"]


@dataclass(frozen=True)
class Tokenizer:
    """granularity: "word" (split at spaces after the rules), "subword" (each word into pieces) or
    "character". vocabulary[i] has id i + 2."""

    granularity: str
    lowercase: bool
    rules: list[list[str]]
    vocabulary: list[str]
    max_tokens: int

    @property
    def size(self) -> int:
        """How many distinct ids there are, padding and unknown included."""
        return len(self.vocabulary) + SPECIAL_IDS

    @property
    def piece_rules(self) -> list[list[str]]:
        """The last rules, which put spaces between the pieces of words."""
        if self.granularity != "subword":
            return []
        return [["([^ ]+)", f"{WORD_START}\\1"], [self._piece_pattern, "\\1 "]]

    @property
    def _piece_pattern(self) -> str:
        """Matches the longest piece, or else one character."""
        longest_first = sorted(self.vocabulary, key=lambda piece: (-len(piece), piece))
        return f"({'|'.join([*map(re.escape, longest_first), '[^ ]'])})"

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        ids = {token: number for number, token in enumerate(self.vocabulary, SPECIAL_IDS)}

        def ids_of(tokens: Iterable[str]) -> list[int]:
            return [ids.get(token, UNKNOWN) for token in tokens]

        split_texts = (split(self.granularity, self.lowercase, self.rules, text) for text in texts)
        if self.granularity != "subword":
            return [ids_of(words) for words in split_texts]
        pieces = re.compile(self._piece_pattern)
        # Words recur, and an expression of thousands of pieces is slow.
        word_ids = functools.cache(lambda word: ids_of(pieces.findall(WORD_START + word)))
        return [[number for word in words for number in word_ids(word)] for words in split_texts]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=0) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        return cls(**json.loads(path.read_text("utf-8")))


def split(
    granularity: str, lowercase: bool, rules: Sequence[Sequence[str]], text: str
) -> list[str]:
    """The tokens of one text: characters, or words (which `encode` may split into pieces)."""
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    if lowercase:
        text = text.lower()
    return (
        list(text) if granularity == "character" else [token for token in text.split(" ") if token]
    )


def word_rules(numbers: str) -> list[list[str]]:
    return [[f"({SIGN})", " \\1 "], *NUMBERS[numbers], SPACE]


def learn(
    texts: Iterable[str],
    granularity: str,
    lowercase: bool,
    vocabulary_size: int,
    max_tokens: int,
    numbers: str = "length",
) -> Tokenizer:
    """A tokenizer with the most frequent tokens of the (training) texts as its vocabulary, or with
    the pieces of their words by byte-pair encoding.

    Args:
        texts: of train only.
        granularity: "word", "subword" or "character".
        lowercase: whether to lower-case.
        vocabulary_size: number of ids, padding and unknown included.
        max_tokens: of a text; the rest is cut off.
        numbers: what is kept of a number within words: its "length" (the digits of a telephone
            number do not matter) or its "value" ("8/10" differs from "3/10").
    """
    rules = CHARACTER_RULES if granularity == "character" else word_rules(numbers)
    rules = [DOTTED_I, *rules] if lowercase else rules
    counts = Counter(
        token for text in texts for token in split(granularity, lowercase, rules, text)
    )
    size = vocabulary_size - SPECIAL_IDS
    vocabulary = (
        byte_pairs(counts, size) if granularity == "subword" else most_frequent(counts)[:size]
    )
    return Tokenizer(granularity, lowercase, rules, vocabulary, max_tokens)


def most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Most frequent first; ties in alphabetical order."""
    return sorted(counts, key=lambda token: (-counts[token], token))


def byte_pairs(word_counts: Mapping[str, int], size: int) -> list[str]:
    """Up to `size` pieces of words: characters, then the most frequent pairs of adjacent pieces.

    Each pair is merged into a piece, in all words, before the next is counted; pairs that occur
    only once are not merged. Differs from the paper: characters, not bytes, so that a piece is
    always text; WORD_START comes before a word where the paper marks its end; and words are later
    split by longest match, not by repeating the merges.

    Reference: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword
    Units", ACL 2016, https://aclanthology.org/P16-1162.
    """
    words = [([WORD_START, *word], count) for word, count in word_counts.items()]
    characters: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    words_with = defaultdict(set)
    for number, (pieces, count) in enumerate(words):
        for character in pieces:
            characters[character] += count
        _count_pairs(pieces, count, pairs, words_with, number)
    vocabulary = dict.fromkeys(most_frequent(characters)[:size])
    while len(vocabulary) < size and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        vocabulary["".join(best)] = None  # two pairs may spell one piece
        for number in sorted(words_with.pop(best)):
            pieces, count = words[number]
            _count_pairs(pieces, -count, pairs, words_with, number)
            words[number] = (merge(pieces, best), count)
            _count_pairs(words[number][0], count, pairs, words_with, number)
    return list(vocabulary)


def merge(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces with each occurrence of the pair, from the left, merged into one."""
    result: list[str] = []
    for piece in pieces:
        if result and (result[-1], piece) == pair:
            # "a a a" becomes "aa a": the merged "aa" is not part of another pair.
            result[-1] += piece
        else:
            result.append(piece)
    return result


def _count_pairs(
    pieces: Sequence[str], count: int, pairs: Counter, words_with: dict, number: int
) -> None:
    """Adds the pairs of a word; with a negative count, subtracts them."""
    for pair in itertools.pairwise(pieces):
        pairs[pair] += count
        words_with[pair].add(number)
        if not pairs[pair]:
            del pairs[pair]
