"""Text to token ids, in plain Python, by rules that a TensorFlow graph can follow to the letter.

A `Tokenizer` is data: an ordered list of regular-expression replacements, whether to lower-case,
and a vocabulary. `prepare` applies it here; `text_classification/serve.py` applies the same asset
with TensorFlow's string operations, so the served model sees the tokens it was trained on. The
expressions therefore keep to what Python's `re` and RE2 read alike: literal ranges, no look-around,
no \\w. TensorFlow's lower-casing knows Unicode 13, which differs from Python's in 40 letters of
scripts added since.

Sub-words are one rule more. A word, WORD_START before it, is cut from its left end into the longest
pieces that the vocabulary has, which is what an expression of all pieces, longest first, matches:
`(▁ring|▁the|ing|...)`. So the graph needs no operation beyond those of words.
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
# ASCII punctuation, Latin-1 signs, and the blocks of punctuation, currency, arrows and pictures.
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
# Its lower case depends on the locale in TensorFlow; as two characters it does not.
DOTTED_I = ["\u0130", "i\u0307"]


@dataclass(frozen=True)
class Tokenizer:
    """unit: "word" (split at spaces after the rules), "subword" (each word into pieces) or
    "character". vocabulary[i] has id i + 2."""

    unit: str
    lowercase: bool
    rules: list[list[str]]
    vocabulary: list[str]
    max_tokens: int

    @property
    def size(self) -> int:
        """How many distinct ids there are, padding and unknown included."""
        return len(self.vocabulary) + SPECIAL_IDS

    @property
    def cutting(self) -> list[list[str]]:
        """The rules that, after all else, put spaces between the pieces of words."""
        if self.unit != "subword":
            return []
        return [["([^ ]+)", f"{WORD_START}\\1"], [self._pieces, "\\1 "]]

    @property
    def _pieces(self) -> str:
        """An expression for the longest piece here, or else for one character."""
        longest_first = sorted(self.vocabulary, key=lambda piece: (-len(piece), piece))
        return f"({'|'.join([*map(re.escape, longest_first), '[^ ]'])})"

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        ids = {token: number for number, token in enumerate(self.vocabulary, SPECIAL_IDS)}

        def known(tokens: Iterable[str]) -> list[int]:
            return [ids.get(token, UNKNOWN) for token in tokens]

        split_texts = (split(self.unit, self.lowercase, self.rules, text) for text in texts)
        if self.unit != "subword":
            return [known(words) for words in split_texts]
        pieces = re.compile(self._pieces)
        # The same words come again and again, and an expression of thousands of pieces is slow.
        cut = functools.cache(lambda word: known(pieces.findall(WORD_START + word)))
        return [[number for word in words for number in cut(word)] for words in split_texts]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=0) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        return cls(**json.loads(path.read_text("utf-8")))


def split(unit: str, lowercase: bool, rules: Sequence[Sequence[str]], text: str) -> list[str]:
    """The tokens of one text: characters, or words (which `encode` may cut into pieces)."""
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    if lowercase:
        text = text.lower()
    return list(text) if unit == "character" else [token for token in text.split(" ") if token]


def word_rules(numbers: str) -> list[list[str]]:
    return [[f"({SIGN})", " \\1 "], *NUMBERS[numbers], SPACE]


def learn(
    texts: Iterable[str],
    unit: str,
    lowercase: bool,
    vocabulary_size: int,
    max_tokens: int,
    numbers: str = "length",
) -> Tokenizer:
    """A tokenizer whose vocabulary is the most frequent tokens of the (training) texts, or the
    pieces that make up their words best. Of a number within words the `length` is kept ("0909 879
    0188" says telephone whatever the digits) or the `value` ("8/10" is no "3/10")."""
    rules = CHARACTER_RULES if unit == "character" else word_rules(numbers)
    rules = [DOTTED_I, *rules] if lowercase else rules
    counts = Counter(token for text in texts for token in split(unit, lowercase, rules, text))
    size = vocabulary_size - SPECIAL_IDS
    vocabulary = byte_pairs(counts, size) if unit == "subword" else most_frequent(counts)[:size]
    return Tokenizer(unit, lowercase, rules, vocabulary, max_tokens)


def most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Most frequent first; equally frequent ones in alphabetical order."""
    return sorted(counts, key=lambda token: (-counts[token], token))


def byte_pairs(word_counts: Mapping[str, int], size: int) -> list[str]:
    """Up to `size` pieces of words: characters, then the pairs of pieces most often side by side.

    Each pair found becomes a piece, in all words, before the next is looked for; a pair that
    stands only once is no pattern. Differs from the paper: characters, not bytes, so that a piece
    is always text; WORD_START stands before a word where the paper marks its end; and words are
    later cut by longest match, not by repeating the merges.

    Reference: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword
    Units", ACL 2016.
    """
    words = [([WORD_START, *word], count) for word, count in word_counts.items()]
    characters: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    words_of = defaultdict(set)
    for number, (pieces, count) in enumerate(words):
        for character in pieces:
            characters[character] += count
        _count(pieces, count, pairs, words_of, number)
    found = dict.fromkeys(most_frequent(characters)[:size])
    while len(found) < size and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        found["".join(best)] = None  # two pairs may spell one piece
        for number in sorted(words_of.pop(best)):
            pieces, count = words[number]
            _count(pieces, -count, pairs, words_of, number)
            words[number] = (merged(pieces, best), count)
            _count(words[number][0], count, pairs, words_of, number)
    return list(found)


def merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces with each occurrence of the pair, from the left, made one."""
    result: list[str] = []
    for piece in pieces:
        if result and (result[-1], piece) == pair:
            # "a a a" is "aa a": what was merged just now is "aa" and takes part no more.
            result[-1] += piece
        else:
            result.append(piece)
    return result


def _count(pieces, count: int, pairs: Counter, words_of: dict, number: int) -> None:
    """Adds a word's pairs; with a negative count takes them away again."""
    for pair in itertools.pairwise(pieces):
        pairs[pair] += count
        words_of[pair].add(number)
        if not pairs[pair]:
            del pairs[pair]
