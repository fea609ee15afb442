"""Features of a text: its n-grams of words or characters, weighted by TF-IDF or by presence.

scikit-learn counts them. Two of its rules are narrowed, so that the served graph can repeat them
for every text: letters are lower-cased one by one (Python's lower case of the Greek sigma depends
on its neighbours), and what a word, a sign and a space are is asked of Python's `re` alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

WORDS_AND_SIGNS = r"\w+|[^\w\s]"
SPACE, WORD, SIGN = range(3)  # of `character_classes`
SURROGATES = range(0xD800, 0xE000)  # code points that are no characters


@dataclass(frozen=True)
class Ngrams:
    """What is counted in a text.

    Args:
        unit: "words" (and signs, each a token) or "characters" (across words).
        max_ngram: tokens of the longest n-grams; all from 1 on are counted.
        lowercase: whether letters are lower-cased.
        weighting: "tfidf", (1 + log count) * idf with unit norm, or "presence", 0 or 1.
    """

    unit: Literal["words", "characters"]
    max_ngram: int
    lowercase: bool
    weighting: Literal["tfidf", "presence"]

    @property
    def name(self) -> str:
        return f"{self.unit} 1-{self.max_ngram}"

    def vectorizer(self, vocabulary: Sequence[str] | None = None, idf=None) -> CountVectorizer:
        """scikit-learn's vectorizer: to be fitted, or with what was learned from train."""
        options = {
            "preprocessor": lower if self.lowercase else str,
            "ngram_range": (1, self.max_ngram),
            "vocabulary": vocabulary,
        }
        if self.unit == "words":
            options["token_pattern"] = WORDS_AND_SIGNS
        else:
            options["analyzer"] = "char"
        if self.weighting == "presence":
            return CountVectorizer(**options, binary=True)
        vectorizer = TfidfVectorizer(**options, sublinear_tf=True)
        if idf is not None:
            vectorizer.idf_ = idf
        return vectorizer


def lower(text: str) -> str:
    """Each letter's lower case, whatever its neighbours: a capital sigma is never a final one."""
    return "\u03c3".join(part.lower() for part in text.split("\u03a3"))


def vocabulary(vectorizer: CountVectorizer) -> list[str]:
    """n-grams in the order of the features."""
    return vectorizer.get_feature_names_out().tolist()


def character_classes() -> np.ndarray:
    """(0x110000,) uint8: whether `re` takes a code point for a space, part of a word or a sign."""
    text = "".join("x" if code in SURROGATES else chr(code) for code in range(0x110000))
    classes = np.full(len(text), SIGN, np.uint8)
    for pattern, number in ((r"\w+", WORD), (r"\s+", SPACE)):
        for match in re.finditer(pattern, text):
            classes[match.start() : match.end()] = number
    return classes


def lower_code_points() -> np.ndarray:
    """(0x110000,) int32: the lower case of a code point; of one that has two letters, itself."""
    codes = np.arange(0x110000, dtype=np.int32)
    for code in codes.tolist():
        small = "" if code in SURROGATES else chr(code).lower()
        if len(small) == 1:
            codes[code] = ord(small)
    return codes
