"""Counting and answering by word vectors, beside plain loops."""

import numpy as np
import pytest

from pipelines.classical import word_vectors

DOCUMENTS = [np.array([2, 3, 4, 2]), np.array([1, 4, 1, 3])]


def test_cooccurrences_by_hand():
    """Window 2: neighbours count 1, words at distance 2 half; the unknown, 1, is dropped."""
    counts = word_vectors.cooccurrences(DOCUMENTS, 5, 2).toarray()
    expected = np.zeros((5, 5))
    for first, second, weight in [(2, 3, 1), (3, 4, 1), (4, 2, 1), (2, 4, 0.5), (3, 2, 0.5),
                                  (4, 3, 1)]:  # fmt: skip
        expected[first, second] += weight
        expected[second, first] += weight
    np.testing.assert_allclose(counts, expected)


def test_ppmi_by_hand():
    counts = word_vectors.cooccurrences(DOCUMENTS, 5, 2)
    dense = counts.toarray()
    total, words = dense.sum(), dense.sum(axis=1)
    contexts = words**0.75 / (words**0.75).sum()
    for word in (2, 3, 4):
        for context in (2, 3, 4):
            share = dense[word, context] / total
            expected = max(
                0, np.log(share / (words[word] / total * contexts[context])) if share else 0
            )
            assert word_vectors.ppmi(counts, 0.75)[word, context] == pytest.approx(expected)


def unit(rows: int = 30, dim: int = 8) -> np.ndarray:
    return word_vectors.unit_rows(np.random.default_rng(1).normal(size=(rows, dim)))


def test_analogies_are_those_of_a_loop():
    vectors = unit()
    ids = np.random.default_rng(2).permuted(np.tile(np.arange(2, 30), (50, 1)), axis=1)[:, :3]
    add, mul = word_vectors.analogies(vectors, ids)
    cosine = vectors @ vectors.T
    for row, (a, b, c) in enumerate(ids):
        candidates = [x for x in range(2, 30) if x not in (a, b, c)]
        assert add[row] == max(candidates, key=lambda x: cosine[x, b]
                               - cosine[x, a] + cosine[x, c])  # fmt: skip
        similar = (cosine + 1) / 2
        assert mul[row] == max(
            candidates, key=lambda x: similar[x, b] * similar[x, c] / (similar[x, a] + 1e-3)
        )


def test_an_analogy_is_never_answered_with_a_word_of_the_question():
    """Without that rule nearly all answers would be b or c, whose cosines are largest."""
    vectors = unit(dim=50)
    ids = np.stack([np.arange(2, 20), np.arange(3, 21), np.arange(4, 22)], axis=1)
    for answer in word_vectors.analogies(vectors, ids):
        assert not (answer[:, None] == ids).any() and (answer >= word_vectors.FIRST_WORD).all()
    free = (vectors[ids[:, 1]] - vectors[ids[:, 0]] + vectors[ids[:, 2]]) @ vectors.T
    assert (
        np.mean([row.argmax() in question for row, question in zip(free, ids, strict=True)]) > 0.9
    )


def test_a_parallelogram_is_answered():
    """king - man + woman = queen, in vectors that have just these two properties."""
    vectors = np.zeros((8, 3))
    vectors[2:6] = [[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]]  # man, king, woman, queen
    vectors[6:] = [[0.2, 0.2, -1], [1, 0.3, -0.1]]
    answers = word_vectors.answers(vectors, [np.array([2, 3, 4, 5]), np.array([2, 3])])
    assert answers["add"].tolist() == answers["mul"].tolist() == [True, False]
    assert answers["similarity"][1] == pytest.approx(np.sqrt(0.5))


def test_near_words_have_larger_cosines_than_words_at_random():
    """Words 2 and 3 are always near each other, as are 4 and 5. Equal vectors tell nothing."""
    documents = [np.array([2, 3] * 20), np.array([4, 5] * 20)]
    vectors = np.zeros((6, 2))
    vectors[2:] = [[1, 0], [1, 0], [0, 1], [0, 1]]
    # Half of the random pairs are of one document too, and tie.
    assert word_vectors.neighbour_auc(vectors, documents, 1, 1) == pytest.approx(0.75, abs=0.01)
    assert word_vectors.neighbour_auc(np.ones((6, 2)), documents, 1, 1) == 0.5


def test_a_zero_vector_is_like_nothing():
    vectors = np.eye(4)
    vectors[3] = 0
    assert word_vectors.answers(vectors, [np.array([2, 3])])["similarity"].tolist() == [0]
