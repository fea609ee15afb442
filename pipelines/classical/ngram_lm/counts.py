"""N-gram counts of documents as sorted arrays of integers.

An n-gram is the number of its row in the table of its order. The row of the n-gram "a b c" is found
from the row of "a b" and the token c: key = row * (vocabulary size + 1) + c. Keys are sorted, so a
look-up is a binary search, and all n-grams with one context are adjacent.

A document begins with the mark BEGIN, whose id is the vocabulary size: it is context, and never
predicted. A mark for the end is a token like any other, where the caller has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stream:
    """Documents behind one another, each after a BEGIN.

    Args:
        tokens: (n,) int64.
        ages: (n,) how many tokens of its document come before each one; 0 for BEGIN.
    """

    tokens: np.ndarray
    ages: np.ndarray

    @classmethod
    def of(cls, documents: Sequence[np.ndarray], vocabulary_size: int) -> "Stream":
        marked = [np.concatenate([[vocabulary_size], document]) for document in documents]
        ages = [np.arange(len(document)) for document in marked]
        return cls(np.concatenate(marked).astype(np.int64), np.concatenate(ages))


@dataclass(frozen=True)
class NgramTable:
    """All n-grams of one order n, of N in number.

    Args:
        keys: (N,) int64, sorted.
        counts: (N,) occurrences.
        suffixes: (N,) rows of the n-gram without its first token in the table of order n - 1.
        at_begin: (N,) bool, whether the first token is BEGIN.
        base: the number of tokens with BEGIN, by which a key is divided into context and token.
    """

    keys: np.ndarray
    counts: np.ndarray
    suffixes: np.ndarray
    at_begin: np.ndarray
    base: int

    @property
    def contexts(self) -> np.ndarray:
        """(N,) rows of the n-gram without its last token in the table of order n - 1."""
        return self.keys // self.base

    def rows(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Rows of n-grams, given the rows of their contexts; -1 for what has no row."""
        return find(self.keys, contexts, tokens, self.base)


def find(keys: np.ndarray, contexts: np.ndarray, tokens: np.ndarray, base: int) -> np.ndarray:
    """Positions of the n-grams in sorted keys; -1 where absent or where the context is -1."""
    keys_sought = contexts * base + tokens
    rows = np.minimum(np.searchsorted(keys, keys_sought), len(keys) - 1)
    return np.where((keys[rows] == keys_sought) & (contexts >= 0), rows, -1)


def count(documents: Sequence[np.ndarray], order: int, vocabulary_size: int) -> list[NgramTable]:
    """Tables of the orders 1 to `order`.

    Args:
        documents: of token ids, (length,) each.
        order: the length of the longest n-grams.
        vocabulary_size: ids are below it.
    """
    stream, base = Stream.of(documents, vocabulary_size), vocabulary_size + 1
    rows = stream.tokens  # (n,) the n-gram of the present order that ends at each token
    tables = [
        NgramTable(
            np.arange(base), np.bincount(rows, minlength=base), np.zeros(base, np.int64),
            np.arange(base) == vocabulary_size, base,
        )
    ]  # fmt: skip
    for length in range(2, order + 1):
        (ends,) = np.nonzero(stream.ages >= length - 1)  # where so long an n-gram ends
        keys, first, inverse, counts = np.unique(
            rows[ends - 1] * base + stream.tokens[ends],
            return_index=True, return_inverse=True, return_counts=True,
        )  # fmt: skip
        ends_first = ends[first]
        at_begin = stream.ages[ends_first] == length - 1
        tables.append(NgramTable(keys, counts, rows[ends_first], at_begin, base))
        longer = np.full(len(rows), -1, np.int64)
        longer[ends] = inverse
        rows = longer
    return tables
