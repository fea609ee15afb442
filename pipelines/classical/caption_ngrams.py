"""Captions as weighted n-grams: how much they agree, by CIDEr, and which one agrees most.

An n-gram's weight is how often the caption has it, times the logarithm of the number of images over
the number of images of which some caption has it. Words are compared in small letters and without
punctuation.

Reference: Vedantam, Zitnick and Parikh, "CIDEr: Consensus-based Image Description Evaluation", CVPR
2015, https://arxiv.org/abs/1411.5726.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from scipy import sparse

ORDERS = (1, 2, 3, 4)
SIGMA, SCALE = 6.0, 10.0
PUNCTUATION = re.compile(r"[^\w\s]")
Ngram = tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def normalized(caption: str) -> str:
    """In small letters, without punctuation, with single spaces."""
    return " ".join(PUNCTUATION.sub("", caption.casefold()).split())


@lru_cache(maxsize=1 << 16)
def counts(caption: str) -> tuple[Mapping[Ngram, int], ...]:
    """The n-grams of each order, and how often the caption has them."""
    words = normalized(caption).split()
    return tuple(
        Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))
        for n in ORDERS
    )


def rarities(references: Sequence[Sequence[str]]) -> tuple[dict[Ngram, float], float]:
    """What an occurrence of each n-gram weighs, and of one that no image has.

    Args:
        references: of each image, its captions. For a single image, where every logarithm would be
            0, all weigh 1.
    """
    if len(references) == 1:
        return {}, 1.0
    images: Counter[Ngram] = Counter()
    for captions in references:
        images.update(
            {ngram for caption in captions for order in counts(caption) for ngram in order}
        )
    total = np.log(len(references))
    return {ngram: float(total - np.log(count)) for ngram, count in images.items()}, float(total)


def cider_d(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """(n,) CIDEr-D of a candidate for each image, 0 to 10: the form that benchmarks report.

    For n from 1 to 4 the cosine of candidate and reference, where a candidate counts an n-gram as
    often as the reference at most, times exp(-d^2 / (2 * 6^2)) for a difference of d words in
    length; the mean over n and the references, times 10. The rarity of n-grams is that among these
    references, so a score depends on all of the split.

    Differs from coco-caption: for one image alone it is not 0, see `rarities`.

    Args:
        candidates: one for each image.
        references: of each image, one or more.
    """
    weights, unknown = rarities(references)
    scores = np.zeros(len(candidates))
    for row, (candidate, captions) in enumerate(zip(candidates, references, strict=True)):
        vectors = _weighted(candidate, weights, unknown)
        known = [_agreement(candidate, vectors, caption, weights, unknown) for caption in captions]
        scores[row] = SCALE * np.mean(known)
    return scores


def _weighted(caption: str, weights: Mapping[Ngram, float], unknown: float) -> list[dict]:
    return [
        {ngram: count * weights.get(ngram, unknown) for ngram, count in order.items()}
        for order in counts(caption)
    ]


def _agreement(
    candidate: str, vectors: Sequence[dict], caption: str, weights: Mapping, unknown: float
) -> float:
    difference = len(normalized(candidate).split()) - len(normalized(caption).split())
    cosines = []
    for weighted, other in zip(vectors, _weighted(caption, weights, unknown), strict=True):
        norms = _norm(weighted) * _norm(other)
        shared = sum(
            min(weight, other[ngram]) * other[ngram]
            for ngram, weight in weighted.items()
            if ngram in other
        )
        cosines.append(shared / norms if norms else 0.0)
    return float(np.mean(cosines) * np.exp(-(difference**2) / (2 * SIGMA**2)))


def _norm(vector: Mapping[Ngram, float]) -> float:
    return sum(weight**2 for weight in vector.values()) ** 0.5


def vectors(captions: Sequence[str], images: np.ndarray) -> sparse.csr_array:
    """(n, v) captions of train, as n-grams: a product of two is their CIDEr, the mean of the
    cosines over n.

    Args:
        captions: n of them.
        images: (n,) the number of each one's image, ascending.
    """
    borders = np.flatnonzero(np.diff(images)) + 1
    groups = [group.tolist() for group in np.split(np.arange(len(captions)), borders)]
    weights, unknown = rarities([[captions[row] for row in group] for group in groups])
    columns: dict[Ngram, int] = {}
    data, places, starts = [], [], [0]
    for caption in captions:
        for vector in _weighted(caption, weights, unknown):
            length = _norm(vector) or 1.0
            data += [weight / length / len(ORDERS) ** 0.5 for weight in vector.values()]
            places += [columns.setdefault(ngram, len(columns)) for ngram in vector]
        starts.append(len(data))
    return sparse.csr_array(
        (np.array(data), np.array(places, np.int64), np.array(starts, np.int64)),
        shape=(len(captions), max(len(columns), 1)),
    )  # fmt: skip
