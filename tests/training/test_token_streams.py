"""Streams of tokens: every token once, rows that continue, zeros that are no targets."""

import numpy as np
import pytest

from pipelines.training.token_streams import TokenStreams

DOCUMENTS = [np.arange(2, 9), np.arange(20, 21), np.arange(30, 47)]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("steps", [1, 4, 50])
def test_every_token_is_a_target_once_and_its_input_is_the_one_before(batch_size, steps):
    batches = TokenStreams("tokens", DOCUMENTS, batch_size, steps)
    pairs = []
    for number in range(len(batches)):
        inputs, targets = batches[number]
        assert inputs["tokens"].shape == targets.shape
        assert targets.shape[1] == steps
        pairs += zip(inputs["tokens"].ravel().tolist(), targets.ravel().tolist(), strict=True)
    expected = [
        (before, token)
        for document in DOCUMENTS
        for before, token in zip([0, *document[:-1]], document, strict=True)
    ]
    assert sorted(pair for pair in pairs if pair[1]) == sorted(expected)


def test_a_row_continues_that_of_the_batch_before():
    batches = TokenStreams("tokens", DOCUMENTS, 3, 2)
    for number in range(1, len(batches)):
        assert np.array_equal(batches[number - 1][1][:, -1], batches[number][0]["tokens"][:, 0])


def test_a_sentence_is_its_own_target_one_word_later():
    """p(w_1 ... w_T) is the product of p(w_t | w_1 ... w_(t-1)): of Magna Carta's words."""
    words = "The guardian of the land of an heir".split()
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words), start=1)}
    streams = TokenStreams("tokens", [np.array([numbers[word] for word in words])], 1, 8)
    inputs, targets = streams[0]
    spelt = {number: word for word, number in numbers.items()} | {0: "<start>"}
    read, answers = ([spelt[i] for i in row[0].tolist()] for row in (inputs["tokens"], targets))
    assert answers == words and read == ["<start>", *words[:-1]]
