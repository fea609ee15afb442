"""The served n-gram model is the one in Python."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.classical import ngram_lm
from pipelines.tasks.language_modeling.ngram_graph import NgramGraph

SIZE = 12
UNSEEN = [[3, 11, 0, 0, 7, 1, 1], [5], [11, 11, 11]]


@pytest.fixture(scope="module", params=[1, 2, 4])
def order(request):
    return request.param


@pytest.fixture(scope="module", params=["stupid_backoff", "kneser_ney"])
def model(request, order):
    rng = np.random.default_rng(1)
    documents = [rng.geometric(0.2, rng.integers(1, 30)) % SIZE for _ in range(40)]
    return ngram_lm.fit(request.param, documents, order, SIZE)


@pytest.fixture(scope="module")
def graph(model):
    return NgramGraph(model)


def test_nats_of_documents(model, graph):
    expected = [-np.log(p).sum() for p in model.probabilities([np.array(ids) for ids in UNSEEN])]
    nats = graph.token_nats(tf.ragged.constant(UNSEEN, tf.int64, ragged_rank=1))
    assert nats.row_lengths().numpy().tolist() == [len(ids) for ids in UNSEEN]
    assert tf.reduce_sum(nats, axis=1).numpy() == pytest.approx(expected, rel=1e-12)


def test_an_empty_document_has_none(graph):
    nats = graph.token_nats(tf.ragged.constant([[], [1]], tf.int64, ragged_rank=1))
    assert nats.row_lengths().numpy().tolist() == [0, 1]


@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_the_next_token(model, graph, length):
    contexts = [UNSEEN[0][:length], UNSEEN[0][7 - length :]]
    history = np.full((2, model.order + 7), -1)
    for row, context in enumerate(contexts):
        history[row, -length - 1 :] = [SIZE, *context]
    history = history[:, 8:]  # the last order - 1 tokens
    expected = np.stack([model.distribution(context) for context in contexts])
    assert graph.distribution(tf.constant(history, tf.int64)).numpy() == pytest.approx(expected)
