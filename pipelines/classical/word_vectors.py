"""Word vectors: what they answer, and the classical way to make them, by counting.

Reference: Levy, Goldberg and Dagan, "Improving Distributional Similarity with Lessons Learned from
Word Embeddings", TACL 2015, https://aclanthology.org/Q15-1016.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

FIRST_WORD = 2  # ids before it are padding and the unknown
MUL_EPSILON = 1e-3  # of 3CosMul: no division by zero
QUESTIONS = 512  # answered at once
AUC_PAIRS = 50_000


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """(V, D) float64 vectors of length 1; a zero vector remains zero."""
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def answers(vectors: np.ndarray, questions: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """How vectors answer questions of two words (how similar?) and of four (a:b as c:d?).

    Args:
        vectors: (V, D), by id.
        questions: of 2 or 4 ids of words.

    Returns:
        similarity: (n,) float32, the cosine of the first two words.
        add, mul: (n,) whether 3CosAdd and 3CosMul answer with the fourth word; see `analogies`.
    """
    unit = unit_rows(vectors)
    first, second = (np.array([ids[place] for ids in questions]) for place in (0, 1))
    similarity = np.einsum("nd,nd->n", unit[first], unit[second]).astype(np.float32)
    add, mul = (np.zeros(len(questions), bool) for _ in range(2))
    rows = np.array([row for row, ids in enumerate(questions) if len(ids) == 4], np.int64)
    for start in range(0, len(rows), QUESTIONS):
        part = rows[start : start + QUESTIONS]
        ids = np.stack([questions[row] for row in part])
        for correct, answer in zip((add, mul), analogies(unit, ids[:, :3]), strict=True):
            correct[part] = answer == ids[:, 3]
    return {"similarity": similarity, "add": add, "mul": mul}


def analogies(unit: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The word x that is to c as b is to a, by two rules; none of a, b and c is an answer.

        3CosAdd  argmax cos(x, b - a + c) = argmax cos(x, b) - cos(x, a) + cos(x, c)
        3CosMul  argmax s(x, b) s(x, c) / (s(x, a) + .001),  s = (cos + 1) / 2

    References: Mikolov et al. 2013, https://aclanthology.org/N13-1090; Levy and Goldberg 2014,
    https://aclanthology.org/W14-1618.

    Args:
        unit: (V, D) vectors of length 1.
        ids: (n, 3) of a, b and c.

    Returns:
        (n,) ids by each rule.
    """
    words, places = np.unique(ids, return_inverse=True)
    cosines = unit[words] @ unit.T  # (words, V): questions share their words
    a, b, c = (cosines[column] for column in places.reshape(ids.shape).T)  # (n, V) each
    shifted = ((a + 1) / 2, (b + 1) / 2, (c + 1) / 2)
    results = []
    for scores in (b - a + c, shifted[1] * shifted[2] / (shifted[0] + MUL_EPSILON)):
        np.put_along_axis(scores, ids, -np.inf, axis=1)
        scores[:, :FIRST_WORD] = -np.inf
        results.append(scores.argmax(axis=1))
    return results[0], results[1]


def cooccurrences(documents: Sequence[np.ndarray], size: int, window: int) -> sp.csr_matrix:
    """(V, V) how often two words are near each other, within a document.

    Words at distance d count (window + 1 - d) / window. Unknown tokens are dropped before.

    Args:
        documents: of token ids.
        size: V.
        window: the largest distance.
    """
    gap = np.zeros(window, np.int32)
    known = (document[document >= FIRST_WORD] for document in documents)
    ids = np.concatenate([part for document in known for part in (document, gap)])
    counts = sp.csr_matrix((size, size))
    for distance in range(1, window + 1):
        pairs = np.stack([ids[:-distance], ids[distance:]])
        rows, columns = pairs[:, (pairs >= FIRST_WORD).all(axis=0)]
        weights = np.full(len(rows), (window + 1 - distance) / window)
        counts = counts + sp.csr_matrix((weights, (rows, columns)), (size, size))
    return (counts + counts.T).tocsr()


def ppmi(counts: sp.csr_matrix, context_power: float) -> sp.csr_matrix:
    """Positive pointwise mutual information, max(0, log p(w, c) / (p(w) p'(c))).

    Args:
        counts: (V, V), words in rows, contexts in columns.
        context_power: p'(c) is proportional to the count of c to this power. Below 1, rare contexts
            count less: negative sampling's noise does the same.
    """
    pairs = counts.tocoo()
    words = np.asarray(counts.sum(axis=1)).ravel()
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** context_power
    contexts /= contexts.sum()
    information = np.log(pairs.data / (words[pairs.row] * contexts[pairs.col]))
    positive = information > 0
    places = (pairs.row[positive], pairs.col[positive])
    return sp.csr_matrix((information[positive], places), counts.shape)


def neighbour_auc(
    vectors: np.ndarray, documents: Sequence[np.ndarray], window: int, seed: int
) -> float:
    """How well cosines tell words that are near each other in held-out text from others.

    The probability that a pair of near words has the larger cosine than a pair with the same
    frequencies at random (the area under the ROC curve); 0.5 is chance.

    Args:
        vectors: (V, D), by id.
        documents: of token ids.
        window: within which words are near.
        seed: of the pairs at random.
    """
    pairs = cooccurrences(documents, len(vectors), window).tocoo()
    if not pairs.nnz:
        return 0.5
    rng, unit = np.random.default_rng(seed), unit_rows(vectors)
    drawn = rng.choice(pairs.nnz, AUC_PAIRS, p=pairs.data / pairs.data.sum())
    rows, columns = pairs.row[drawn], pairs.col[drawn]
    near, random = (
        np.einsum("nd,nd->n", unit[rows], unit[partners])
        for partners in (columns, rng.permutation(columns))
    )
    below = np.searchsorted(np.sort(random), near, side="left")
    not_above = np.searchsorted(np.sort(random), near, side="right")
    return float((below + not_above).mean() / (2 * AUC_PAIRS))
