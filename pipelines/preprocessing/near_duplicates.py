"""Duplicate and near-duplicate texts; near-duplicates must not be divided between splits."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

MIN_SIMILARITY = 0.7  # Jaccard similarity from which two texts count as near-duplicates
TOLERANCE = 1e-9  # of floating-point sums


def fingerprint(text: str) -> str:
    """Equal for duplicates, which differ at most in letter case and white space."""
    return " ".join(text.casefold().split())


def group_near_duplicates(
    texts: Sequence[str], min_similarity: float = MIN_SIMILARITY
) -> np.ndarray:
    """A group number for every text; near-duplicates, and chains of them, share one.

    Two texts are near-duplicates when their sets of words have a Jaccard similarity of at least
    `min_similarity`, or when they are duplicates. Digits count as equal, so that one message with
    two different numbers filled in is two near-duplicates.

    All such pairs are found without comparing all pairs: two similar sets share at least one of
    their rarest words, the prefix (Bayardo, Ma, Srikant 2007). How many words two prefixes share
    also bounds the size of the whole intersection, so most candidate pairs need no exact count
    (after Xiao, Wang, Lin, Yu 2008).
    """
    words = _ranked_words(texts)
    prefixes = [row[: len(row) - int(min_similarity * len(row) - TOLERANCE)] for row in words]
    sizes, prefix_sizes = (
        np.array([len(row) for row in rows], np.int64) for rows in (words, prefixes)
    )
    last = np.array([prefix[-1] for prefix in prefixes], np.int64)
    index = _PrefixIndex(prefixes)
    parent = list(range(len(texts)))
    for row, row_words in enumerate(words):
        candidates, shared = index.add(row, prefixes[row])
        # Up to the earlier end of two prefixes, each word that the texts share is in both prefixes.
        end = np.minimum(last[row], last[candidates])
        remaining = len(row_words) - np.searchsorted(row_words, end, side="right")
        covered = np.where(last[candidates] == end, prefix_sizes[candidates], shared)
        bound = shared + np.minimum(remaining, sizes[candidates] - covered)
        ratio = min_similarity / (1 + min_similarity)
        required = ratio * (len(row_words) + sizes[candidates]) - TOLERANCE
        for candidate in candidates[bound >= required].tolist():
            root, candidate_root = _root(parent, row), _root(parent, candidate)
            if root == candidate_root:
                continue
            if _jaccard(row_words, words[candidate]) >= min_similarity - TOLERANCE:
                parent[max(root, candidate_root)] = min(root, candidate_root)
    roots = [_root(parent, row) for row in range(len(texts))]
    return np.unique(roots, return_inverse=True)[1]


class _PrefixIndex:
    """Word -> the texts with that word in their prefix, of those added so far."""

    def __init__(self, prefixes: Sequence[np.ndarray]):
        words = np.concatenate([*prefixes, [-1]])[:-1].astype(np.int64)
        rows = np.repeat(np.arange(len(prefixes)), [len(prefix) for prefix in prefixes])
        self._rows = rows[np.argsort(words, kind="stable")]
        self._begin = np.concatenate([[0], np.cumsum(np.bincount(words))])
        self._end = self._begin[:-1].copy()  # of those added so far: rows of a word ascend

    def add(self, row: int, prefix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows added before that share words of the prefix, and how many words they share."""
        known = prefix[self._end[prefix] > self._begin[prefix]]
        matches = [self._rows[self._begin[word] : self._end[word]] for word in known]
        self._end[prefix] += 1
        counts = np.bincount(np.concatenate([*matches, np.zeros(0, np.int64)]), minlength=1)
        rows = np.flatnonzero(counts)
        return rows, counts[rows]


def _ranked_words(texts: Iterable[str]) -> list[np.ndarray]:
    """The words of each text as ascending ranks, the rarest word having the lowest."""
    ids: dict[str, int] = {}
    word_ids = []
    for text in texts:
        words = _words(re.sub(r"\d", "0", fingerprint(text)))
        word_ids.append(np.array([ids.setdefault(word, len(ids)) for word in words], np.int64))
    every_id = np.concatenate([*word_ids, np.zeros(0, np.int64)])
    frequency = np.bincount(every_id, minlength=len(ids))
    rank = np.argsort(np.argsort(frequency, kind="stable"))
    return [np.sort(rank[row]) for row in word_ids]


def _jaccard(words: np.ndarray, other_words: np.ndarray) -> float:
    """Size of the intersection over size of the union."""
    common = len(np.intersect1d(words, other_words, assume_unique=True))
    return common / (len(words) + len(other_words) - common)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+|[^\w\s]", text) or [""])


def _root(parent: list[int], row: int) -> int:
    """The root of a row in a disjoint-set forest, with path halving."""
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
