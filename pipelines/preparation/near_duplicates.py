"""Texts that say the same: copies, and near-copies that must not be divided between parts."""

import re
from collections.abc import Iterable, Sequence

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
    similar must share one of their rarest words, the prefix (Bayardo, Ma, Srikant 2007). How many
    of those they share also limits what they have in common at all, which spares most pairs the
    counting (after Xiao, Wang, Lin, Yu 2008).
    """
    words = _ranked(texts)
    prefixes = [own[: len(own) - int(near * len(own) - 1e-9)] for own in words]
    sizes, lengths = (np.array([len(own) for own in rows], np.int64) for rows in (words, prefixes))
    last = np.array([prefix[-1] for prefix in prefixes], np.int64)
    index = _Index(prefixes)
    parent = list(range(len(texts)))
    for row, own in enumerate(words):
        others, shared = index.add(row, prefixes[row])
        # Up to the earlier end of two prefixes, whatever the texts have in common stands in both.
        end = np.minimum(last[row], last[others])
        mine = len(own) - np.searchsorted(own, end, side="right")
        theirs = sizes[others] - np.where(last[others] == end, lengths[others], shared)
        least = near / (1 + near) * (len(own) + sizes[others]) - 1e-9
        for other in others[shared + np.minimum(mine, theirs) >= least].tolist():
            one, two = _root(parent, row), _root(parent, other)
            if one != two and _similarity(own, words[other]) >= near - 1e-9:
                parent[max(one, two)] = min(one, two)
    roots = [_root(parent, row) for row in range(len(texts))]
    return np.unique(roots, return_inverse=True)[1]


class _Index:
    """Which texts have a word in their prefix. All are filed at once, and found once added."""

    def __init__(self, prefixes: Sequence[np.ndarray]):
        words = np.concatenate([*prefixes, [-1]])[:-1].astype(np.int64)
        rows = np.repeat(np.arange(len(prefixes)), [len(prefix) for prefix in prefixes])
        self._rows = rows[np.argsort(words, kind="stable")]
        self._begin = np.concatenate([[0], np.cumsum(np.bincount(words))])
        self._end = self._begin[:-1].copy()  # of those added so far: rows of a word ascend

    def add(self, row: int, prefix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows added before that share words of the prefix, and how many words they share."""
        known = prefix[self._end[prefix] > self._begin[prefix]]
        found = [self._rows[self._begin[word] : self._end[word]] for word in known]
        self._end[prefix] += 1
        counts = np.bincount(np.concatenate([*found, np.zeros(0, np.int64)]), minlength=1)
        others = np.flatnonzero(counts)
        return others, counts[others]


def _ranked(texts: Iterable[str]) -> list[np.ndarray]:
    """The words of each text as ascending numbers, the rarest word having the lowest."""
    ids: dict[str, int] = {}
    found = []
    for text in texts:
        words = _words(re.sub(r"\d", "0", fingerprint(text)))
        found.append(np.array([ids.setdefault(word, len(ids)) for word in words], np.int64))
    frequency = np.bincount(np.concatenate([*found, np.zeros(0, np.int64)]), minlength=len(ids))
    rank = np.argsort(np.argsort(frequency, kind="stable"))
    return [np.sort(rank[own]) for own in found]


def _similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Jaccard's: the share of all words of two texts that both have."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+|[^\w\s]", text) or [""])


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
