"""How much of a generated text is new: n-grams that train lacks, and bigrams that do not recur.

A model that repeats train, or itself, may have a good perplexity. The share of n-grams that do not
occur in train is the novelty of McCoy et al., "How Much Do Language Models Copy From Their Training
Data?", TACL 2023, https://arxiv.org/abs/2111.09509; distinct-2 is that of Li et al., NAACL 2016,
https://arxiv.org/abs/1510.03055, for each sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LENGTHS = (4, 5, 6, 7, 8)  # of the n-grams that are looked for in train
NAMES = ("distinct_2_percent", *(f"novel_{length}grams_percent" for length in LENGTHS))


@dataclass(frozen=True)
class Novelty:
    """Of n samples, by NAMES.

    Args:
        counted: (n, 6) distinct bigrams, and n-grams that train lacks.
        total: (n, 6) all bigrams, and all n-grams of these lengths.
    """

    counted: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, samples: Sequence[np.ndarray], train: Sequence[np.ndarray]) -> "Novelty":
        """Args: documents of token ids."""
        owners = np.repeat(np.arange(len(samples)), [len(ids) for ids in samples])
        counted, total = [_distinct(samples)], [[max(len(ids) - 1, 0) for ids in samples]]
        for codes, is_sample in _ngrams([*train, *samples], len(train)):
            drawn = codes[is_sample]  # -1 where no n-gram of the sample ends
            ends = drawn >= 0
            is_new = ends & ~np.isin(drawn, codes[~is_sample])
            counted.append(np.bincount(owners, is_new, len(samples)))
            total.append(np.bincount(owners, ends, len(samples)))
        return cls(np.array(counted, np.int64).T, np.array(total, np.int64).T)

    def percent(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Name -> (r,) shares of all n-grams, under (r, n) weightings of the samples."""
        counted, total = weights @ self.counted, weights @ self.total  # (r, 6)
        shares = np.divide(counted, total, out=np.full(counted.shape, np.nan), where=total > 0)
        return dict(zip(NAMES, 100 * shares.T, strict=True))


def _distinct(samples: Sequence[np.ndarray]) -> list[int]:
    return [len(set(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))) for ids in samples]


def _ngrams(documents: Sequence[np.ndarray], first_sample: int):
    """For each length, (numbers of the n-grams that end at each token, -1 where none does, and
    whether the token is one of a sample)."""
    lengths = [len(ids) for ids in documents]
    tokens = np.concatenate(documents).astype(np.int64)
    ages = np.concatenate([np.arange(length) for length in lengths])
    is_sample = np.repeat(np.arange(len(documents)) >= first_sample, lengths)
    codes, base = tokens, int(tokens.max()) + 1
    for length in range(2, LENGTHS[-1] + 1):
        (ends,) = np.nonzero(ages >= length - 1)
        _, numbers = np.unique(codes[ends - 1] * base + tokens[ends], return_inverse=True)
        codes = np.full(len(tokens), -1, np.int64)
        codes[ends] = numbers
        if length in LENGTHS:
            yield codes, is_sample
