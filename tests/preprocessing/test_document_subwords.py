"""Sub-words of documents: nothing is lost, nothing is unknown, and the graph does the same."""

import pytest
import tensorflow as tf

from pipelines.preprocessing import documents
from pipelines.preprocessing.document_subwords import FIRST_PIECE, LINE_END_ID, DocumentSubwords
from pipelines.preprocessing.tokenization import UNKNOWN
from pipelines.tasks.language_modeling.graph_documents import GraphDocuments

TRAIN = [f"The {animal}s eat {food};\n  and more {food}.\n" for animal in ("cow", "owl", "bat")
         for food in ("grass", "hay", "corn")]  # fmt: skip
TEXTS = [
    "The cows eat hay.\n", "  two  spaces \n\n\n", "\ttab", "née Żółć 𝄞 €", "\x00\x01", "", " ",
    "The bat\x85eats", "\ufeffmark", "e\u0301 \u200b 👩‍🚀",
]  # fmt: skip


@pytest.fixture(scope="module")
def subwords() -> DocumentSubwords:
    return documents.learn(TRAIN, documents.Settings("subword", "split", False, True), 330)


@pytest.fixture(scope="module")
def graph(subwords) -> GraphDocuments:
    return GraphDocuments(subwords)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_exactly(subwords, text):
    (ids,) = subwords.encode([text])
    assert documents.decode(subwords, ids) == text
    assert UNKNOWN not in ids


@pytest.mark.parametrize("text", TEXTS)
def test_the_graph_gives_the_same_ids(subwords, graph, text):
    if "\x00" in text:
        pytest.skip("tensorflow_text ends a string at a null character")
    assert graph.encode(tf.constant([text]))[0].numpy().tolist() == subwords.encode([text])[0]


def test_what_may_be_drawn_is_written_alike(subwords, graph):
    (ids,) = subwords.encode(["".join(TRAIN)])
    assert all(graph.is_written.numpy()[ids])
    assert not graph.is_written.numpy()[[0, 1, *range(LINE_END_ID + 1, FIRST_PIECE)]].any()
    text = graph.decode(tf.ragged.constant([ids, ids[3:]], tf.int32)).numpy()
    assert [row.decode() for row in text] == [documents.decode(subwords, ids[n:]) for n in (0, 3)]


def test_what_each_token_adds_depends_on_it_alone(subwords, graph):
    """So that a text can be given piece by piece."""
    (ids,) = subwords.encode(TRAIN[:1])
    whole = [graph.decode(tf.constant([ids[:n]]))[0].numpy() for n in range(1, len(ids) + 1)]
    assert all(
        longer.startswith(shorter) for shorter, longer in zip(whole, whole[1:], strict=False)
    )


def test_saved_and_loaded(subwords, tmp_path):
    documents.save(subwords, tmp_path)
    loaded = documents.load(tmp_path)
    assert loaded.encode(TEXTS) == subwords.encode(TEXTS)
    assert (loaded.size, documents.line_end_id(loaded)) == (subwords.size, LINE_END_ID)
    assert documents.texts_of(loaded)[LINE_END_ID] == "\n"
