"""Word pieces of BERT-like encoders: text to the ids that pretrained weights were trained on.

A word is split from the left into the longest pieces in the vocabulary; pieces inside a word begin
with "##". A word that cannot be split so is unknown as a whole. `prepare` and `start` apply the
rules here, in plain Python; the served graph uses `tensorflow_text.FastBertTokenizer`, and both
give the same ids. Its rules are those of BERT's tokenizer but for one: lower case is Unicode's
NFKC_Casefold, so that compatibility characters (full width, ligatures, circled letters) are
replaced by plain ones as well.

What each character becomes depends on that character alone:

1. unassigned in Python's version of Unicode: U+FFFD. tensorflow_text has a newer version, so the
   served graph does the same first, by the expression that the vocabulary's file holds.
2. lower case only: removed if default-ignorable (zero-width characters, variation selectors)
3. space if a control or format character
4. lower case only: NFKC_Casefold, then NFD without nonspacing marks: "É" is "e"
5. a word of its own if punctuation, another ASCII sign or a CJK ideograph

References: Devlin et al., "BERT", NAACL 2019, https://aclanthology.org/N19-1423; Song et al., "Fast
WordPiece Tokenization", EMNLP 2021, https://aclanthology.org/2021.emnlp-main.160.
"""

import functools
import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

PADDING, UNKNOWN, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
INSIDE = "##"  # begins a piece that does not begin a word
MAX_WORD_BYTES = 100  # of UTF-8; longer words are unknown
GRANULARITY = "wordpiece"
REPLACEMENT = "\ufffd"
SPACES = ("Zs", "Zl", "Zp")  # Unicode categories
# Default_Ignorable_Code_Point in Unicode 14, as far as assigned.
IGNORABLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
IDEOGRAPHS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
ASCII_SIGNS = ((33, 47), (58, 64), (91, 96), (123, 126))


@dataclass(frozen=True)
class WordPieces:
    """A vocabulary of word pieces and how text is brought to it.

    Args:
        vocabulary: vocabulary[i] has id i; "[PAD]" must be the first.
        lowercase: whether case and accents are removed.
        max_tokens: of a text, [CLS] and [SEP] included; the rest is cut off.
        unassigned: an expression of the characters that Python's version of Unicode lacks.
    """

    vocabulary: list[str]
    lowercase: bool
    max_tokens: int
    unassigned: str = field(default_factory=lambda: unassigned())
    granularity: str = GRANULARITY

    @property
    def size(self) -> int:
        return len(self.vocabulary)

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        return {piece: number for number, piece in enumerate(self.vocabulary)}

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Ids of each text, not cut off: [CLS], its pieces, [SEP]."""
        longest = max(map(len, self.vocabulary))
        # Words recur: each is split once.
        word_ids = functools.cache(lambda word: self._word_ids(word, longest))
        ends = [self.ids[CLS]], [self.ids[SEP]]
        return [
            [
                *ends[0],
                *(number for word in self.words(text) for number in word_ids(word)),
                *ends[1],
            ]
            for text in texts
        ]

    def cut(self, ids: Sequence[int]) -> list[int]:
        """A row of ids of at most `max_tokens`, [SEP] at its end."""
        fits = len(ids) <= self.max_tokens
        return list(ids) if fits else [*ids[: self.max_tokens - 1], self.ids[SEP]]

    def words(self, text: str) -> list[str]:
        """Words and signs in their normal form."""
        return "".join(normal_form(character, self.lowercase) for character in text).split(" ")

    def _word_ids(self, word: str, longest: int) -> list[int]:
        unknown = [self.ids[UNKNOWN]]
        if len(word.encode()) > MAX_WORD_BYTES:
            return unknown
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = INSIDE if start else ""
            for end in range(min(len(word), start + longest), start, -1):
                number = self.ids.get(prefix + word[start:end])
                if number is not None:
                    break
            else:
                return unknown
            pieces.append(number)
            start = end
        return pieces

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), ensure_ascii=True, indent=0) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "WordPieces":
        return cls(**json.loads(path.read_text("utf-8")))


@functools.cache
def normal_form(character: str, lowercase: bool) -> str:
    """What a character becomes; spaces are " ", and signs that are words have them around."""
    category = unicodedata.category(character)
    if category == "Cn":
        character, category = REPLACEMENT, "So"
    if lowercase and _within(ord(character), IGNORABLE):
        return ""
    if category in ("Cc", "Cf"):
        return " "
    form = _folded(character) if lowercase else character
    return "".join(map(_separated, form))


def _folded(character: str) -> str:
    """NFKC_Casefold and NFD without nonspacing marks."""
    folded = unicodedata.normalize("NFKC", character).casefold()
    parts = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", folded))
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


def _separated(character: str) -> str:
    category, code = unicodedata.category(character), ord(character)
    if category in SPACES:
        return " "
    alone = category.startswith("P") or _within(code, ASCII_SIGNS) or _within(code, IDEOGRAPHS)
    return f" {character} " if alone else character


def _within(code: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


@functools.cache
def unassigned() -> str:
    """A class of a regular expression with every unassigned code point, for Python and RE2."""
    ranges: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) == "Cn":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in ranges)}]"
