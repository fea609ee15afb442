"""A dictionary from sentence pairs, by IBM Model 1."""

from collections.abc import Sequence

import numpy as np

EM_ITERATIONS = 6  # the likelihood has converged by then


def most_probable_translations(
    sources: Sequence[Sequence[str]], targets: Sequence[Sequence[str]]
) -> dict[str, str]:
    """Source word e -> the target word f with the highest t(f | e), by IBM Model 1.

    Expectation maximisation from a uniform t over the words of all translations of e: the expected
    count of a pair is t(f | e) / (sum over the words e' of the sentence, and the empty word, of
    t(f | e')), and t is the normalised count. Pairs that occur are the entries of one sparse table.

    Reference: Brown et al., "The Mathematics of Statistical Machine Translation", 1993,
    https://aclanthology.org/J93-2003/.
    """
    names_e = {w: i for i, w in enumerate(dict.fromkeys(w for s in sources for w in s), 1)}
    names_f = {w: i for i, w in enumerate(dict.fromkeys(w for s in targets for w in s))}
    e, f, token = _occurrences(sources, targets, names_e, names_f)
    pairs, entry = np.unique(e * len(names_f) + f, return_inverse=True)
    of_e = pairs // len(names_f)
    table = 1.0 / np.bincount(of_e)[of_e]
    for _ in range(EM_ITERATIONS):
        share = table[entry]
        share = share / np.bincount(token, weights=share)[token]
        counts = np.bincount(entry, weights=share, minlength=len(pairs))
        table = counts / np.bincount(of_e, weights=counts)[of_e]
    words_e, words_f = list(names_e), list(names_f)
    best: dict[str, str] = {}
    for index in np.lexsort((pairs, -table)):  # most probable first; of ties the earlier one
        if of_e[index]:
            best.setdefault(words_e[of_e[index] - 1], words_f[pairs[index] % len(names_f)])
    return best


def _occurrences(sources, targets, names_e, names_f) -> tuple[np.ndarray, ...]:
    """Each target word (`token`) with each word of its source sentence; e 0 is the empty word."""
    e, f, token, number = [], [], [], 0
    for source, target in zip(sources, targets, strict=True):
        ids = [0, *(names_e[word] for word in source)]
        for word in target:
            e += ids
            f += [names_f[word]] * len(ids)
            token += [number] * len(ids)
            number += 1
    return np.array(e), np.array(f), np.array(token)
