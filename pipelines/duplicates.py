"""Texts that say the same: copies, and near-copies that must not be divided between parts."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

NEAR = 0.7  # share of common words from which two texts count as near-copies


def fingerprint(text: str) -> str:
    """Copies differ at most in letter case and white space."""
    return " ".join(text.casefold().split())


def near_groups(texts: Sequence[str], near: float = NEAR) -> np.ndarray:
    """A group number for every text; near-copies, and chains of them, share one.

    Digits count as equal, so that one message with two numbers filled in is two near-copies.

    Two texts are near-copies when their word sets have a Jaccard similarity of at least `near`,
    or when they are copies. All such pairs are found without comparing all pairs: two sets that
    similar must share one of their rarest words (prefix filtering; Bayardo, Ma, Srikant 2007).
    """
    words = [_words(re.sub(r"\d", "0", fingerprint(text))) for text in texts]
    frequency = Counter(word for own in words for word in own)
    parent = list(range(len(texts)))
    index: dict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(words):
        rarest = sorted(own, key=lambda word: (frequency[word], word))
        prefix = rarest[: len(own) - int(near * len(own) - 1e-9)]
        candidates = {other for word in prefix for other in index[word]}
        for other in candidates:
            common = len(own & words[other])
            if common >= near * (len(own) + len(words[other]) - common) - 1e-9:
                parent[_root(parent, row)] = _root(parent, other)
        for word in prefix:
            index[word].append(row)
    roots = [_root(parent, row) for row in range(len(texts))]
    return np.unique(roots, return_inverse=True)[1]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+|[^\w\s]", text) or [""])


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
