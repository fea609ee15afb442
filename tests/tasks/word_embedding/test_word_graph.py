"""The served graph: what it answers is what Python answers, and unknown words are named."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import word_embeddings
from pipelines.classical import word_vectors
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import SPECIAL_IDS, Tokenizer
from pipelines.tasks.word_embedding import serve
from pipelines.tasks.word_embedding.example import example_spec
from pipelines.tasks.word_embedding.word_graph import MOST_NEIGHBOURS, WordGraph

WORDS = [f"word{number}" for number in range(18)]
RULES = documents.Settings("word", "split", True, False).rules
VECTORS = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assets")
    Tokenizer("word", True, RULES, WORDS, 10).save(folder / documents.VOCABULARY_FILE)
    return folder


@pytest.fixture(scope="module")
def graph(assets):
    return WordGraph(VECTORS, assets)


def integers(*values: int):
    return tf.constant(values, tf.int32)


def words_of(answer, row: int = 0) -> list[str]:
    return [word.decode() for word in answer["words"].numpy()[row]]


def test_a_word_has_its_vector_and_capitals_do_not_matter(graph):
    answer = graph.embed(tf.constant(["word3", "Word3"]))
    np.testing.assert_array_equal(answer["vector"], VECTORS[[5, 5]])
    assert answer["known"].numpy().all()


@pytest.mark.parametrize("word", ["qqqq", "", "word1 word2", " ", "\x00", "word1word2"])
def test_what_is_no_known_word_is_so_named(graph, word):
    one, two = tf.constant([word]), integers(2)
    answers = [graph.embed(one), graph.neighbours(one, two),
               graph.analogy(one, tf.constant(["word1"]), tf.constant(["word2"]), two)]  # fmt: skip
    assert [bool(answer["known"][0]) for answer in answers] == [False] * 3
    assert not answers[0]["vector"].numpy().any()
    for answer in answers[1:]:
        assert words_of(answer) == ["", ""] and not answer["similarity"].numpy().any()


def test_neighbours_are_in_the_order_of_their_cosines_without_the_word(graph):
    answer = graph.neighbours(tf.constant(["word0"]), integers(17))
    unit = word_vectors.unit_rows(VECTORS)
    cosines = {WORDS[n - SPECIAL_IDS]: unit[n] @ unit[2] for n in range(3, 20)}
    assert words_of(answer) == sorted(cosines, key=cosines.get, reverse=True)
    assert answer["similarity"][0].numpy() == pytest.approx(sorted(cosines.values(), reverse=True))


def test_rows_of_a_batch_have_their_count(graph):
    alone = graph.neighbours(tf.constant(["word1"]), integers(2))
    merged = graph.neighbours(tf.constant(["word0", "word1"]), integers(4, 2))
    assert words_of(merged, 1) == [*words_of(alone), "", ""]
    assert merged["similarity"][1, :2].numpy() == pytest.approx(alone["similarity"][0].numpy())


def test_more_neighbours_than_there_are_words(graph):
    answer = graph.neighbours(tf.constant(["word0"]), integers(MOST_NEIGHBOURS))
    assert sorted(filter(None, words_of(answer))) == sorted(WORDS[1:])


@pytest.mark.parametrize("count", [0, -1, MOST_NEIGHBOURS + 1])
def test_a_count_that_cannot_be_is_refused(graph, count):
    with pytest.raises(tf.errors.InvalidArgumentError, match="k must be 1 to"):
        graph.neighbours(tf.constant(["word0"]), integers(count))


def test_analogy_and_score_are_those_of_python(graph):
    rng = np.random.default_rng(3)
    ids = [rng.permutation(np.arange(2, 20))[: (2, 4)[row % 2]] for row in range(40)]
    best, _ = word_vectors.analogies(
        word_vectors.unit_rows(VECTORS), np.stack([row[:3] for row in ids if len(row) == 4])
    )
    for row, answer in zip([row for row in ids if len(row) == 4], best, strict=True):
        if answer % 2:  # a right answer now and then
            row[3] = answer
    expected = word_vectors.answers(VECTORS, ids)
    assert expected["add"].sum() > 3
    text = [" ".join(WORDS[n - SPECIAL_IDS] for n in row) for row in ids]
    served = graph.score(tf.constant(text))
    np.testing.assert_array_equal(served["add"], expected["add"])
    np.testing.assert_array_equal(served["mul"], expected["mul"])
    np.testing.assert_allclose(served["similarity"], expected["similarity"], atol=1e-6)
    a, b, c = (tf.constant([WORDS[row[place] - 2] for row in ids if len(row) == 4])
               for place in range(3))  # fmt: skip
    nearest = graph.analogy(a, b, c, tf.ones(20, tf.int32))["words"][:, 0]
    assert [word.decode() for word in nearest.numpy()] == [WORDS[n - SPECIAL_IDS] for n in best]


def test_a_question_that_cannot_be_answered_is_not_known(graph):
    served = graph.score(tf.constant(["word1 qqqq", "word1", "", "word1 word2 word3 word4 word5"]))
    assert not served["known"].numpy().any() and not served["similarity"].numpy().any()


def test_the_vectors_that_are_read_are_served_and_not_the_outputs(assets):
    model = word_embeddings.skip_gram(example_spec(), embedding_dim=4)
    layer = model.get_layer(word_embeddings.LAYER)
    layer.outputs.assign(np.full(layer.outputs.shape, 9.0))
    module, signatures = serve.endpoints(model, example_spec(), assets, DecisionRule())
    answer = signatures["serving_default"](tf.constant(["word0"]))
    np.testing.assert_array_equal(answer["vector"][0], keras.ops.convert_to_numpy(layer.vectors)[2])
