"""Causality, windows, cached decoding and sums of the Transformer language model."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.layers import language_model_scores
from models.transformer_language_model import transformer_language_model
from pipelines.config import signatures
from pipelines.tasks.language_modeling.example import example_batch, example_spec
from pipelines.tasks.language_modeling.transformer_graph import TransformerGraph
from tests.support.user_errors import user_error

SPEC = example_spec()
CONTEXT = 8
LENGTHS = (1, 30, 4, 8, 5, 41)


def model(**build) -> keras.Model:
    keras.utils.set_random_seed(1)
    sizes = {"hidden_dim": 8, "num_heads": 2, "depth": 2, "mlp_dim": 6, "context": CONTEXT,
             "dropout": 0.0}  # fmt: skip
    network = transformer_language_model(SPEC, **{**sizes, **build})
    bias = network.get_layer("language_model").bias
    bias.assign(np.random.default_rng(1).normal(size=bias.shape))  # untrained, it would be zeros
    return network


def random_ids(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(2, SPEC.outputs, shape).astype(np.int32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return model()


@pytest.fixture(scope="module", params=[{}, {"positions": "sine", "norm_first": False}])
def variant(request) -> keras.Model:
    return model(**request.param)


@pytest.fixture(scope="module")
def documents() -> list[np.ndarray]:
    return [random_ids(length, seed=length) for length in LENGTHS]


def test_every_argument_is_documented():
    parameters = signatures.builders("transformer_language_model")["transformer_language_model"]
    text = inspect.getdoc(transformer_language_model)
    assert [name for name in parameters if f"    {name}: " not in text] == []
    assert "https://" in text


def test_parameters_are_those_of_the_arithmetic():
    block = 4 * (8 * 8 + 8) + (8 * 6 + 6) + (6 * 8 + 8) + 2 * 2 * 8
    embeddings, positions, bias, norm = SPEC.outputs * 8, CONTEXT * 8, SPEC.outputs, 2 * 8
    assert model().count_params() == embeddings + positions + 2 * block + norm + bias
    post_norm = model(positions="sine", norm_first=False).count_params()
    assert post_norm == embeddings + 2 * block + bias


def test_a_saved_model_is_the_same(variant, tmp_path):
    tokens = random_ids(3, 5)
    variant.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert np.array_equal(loaded(tokens), variant(tokens))


def test_a_later_token_changes_no_earlier_logits(variant):
    tokens = random_ids(2, CONTEXT)
    changed = tokens.copy()
    changed[:, 5] = 2 + (changed[:, 5] - 1) % (SPEC.outputs - 2)
    before, after = np.array(variant(tokens)), np.array(variant(changed))
    assert np.array_equal(before[:, :5], after[:, :5])
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-5


@pytest.mark.parametrize("positions", ["learned", "sine"])
def test_positions_matter(positions):
    """Two tokens in another order before the same one: without positions, the mean is the same."""
    network = model(depth=1, positions=positions)
    logits = np.array(network(np.array([[3, 4, 5], [4, 3, 5]], np.int32)))[:, -1]
    assert np.abs(logits[0] - logits[1]).max() > 1e-4


def test_a_longer_row_is_read_in_windows_that_overlap_by_half(network):
    tokens = random_ids(2, 22)
    logits = np.array(network(tokens))
    assert logits.shape == (2, 22, SPEC.outputs)
    for first in range(4, 20, 4):  # the second half of each window
        window = np.array(network(tokens[:, first - 4 : first + 4]))[:, 4:]
        assert logits[:, first : first + 4] == pytest.approx(window, abs=1e-5)
    assert logits[:, :4] == pytest.approx(np.array(network(tokens[:, :4])), abs=1e-5)
    assert np.array_equal(network(tokens, training=True), logits)  # without dropout


@pytest.mark.parametrize(
    ("build", "code"),
    [({"context": 7}, "context-odd"), ({"positions": "none"}, "positions-unknown"),
     ({"num_heads": 3}, "heads-mismatch"), ({"hidden_dim": 9, "num_heads": 3, "positions": "sine"},
                                            "hidden-dim-odd")],
)  # fmt: skip
def test_arguments_that_do_not_fit(build, code):
    with user_error(code):
        model(**build)


@pytest.mark.slow
def test_a_model_learns_a_batch():
    network = model(hidden_dim=16, mlp_dim=32)
    inputs, targets = example_batch(SPEC)
    network.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    history = network.fit(inputs, targets, batch_size=16, epochs=60, verbose=0, shuffle=False)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


class TestScores:
    @pytest.fixture(scope="class")
    def nats(self, network, documents):
        return language_model_scores.token_nats(network, documents)

    def test_every_token_has_one_that_sees_half_a_context_at_least(self, network, documents, nats):
        assert list(map(len, nats)) == list(LENGTHS)
        tokens = documents[1]
        inputs = np.array([0, *tokens[:-1]])
        for position in range(len(tokens)):
            begin = max(0, position // 4 * 4 - 4)  # of its window
            logits = network(inputs[None, begin : position + 1])[0, -1]
            expected = -tf.nn.log_softmax(logits)[tokens[position]]
            assert nats[1][position] == pytest.approx(float(expected), abs=1e-5)

    def test_the_sum_is_the_same_for_every_batch_size(self, network, documents, nats):
        other = language_model_scores.token_nats(network, documents, rows=4)
        total, expected = (sum(values.sum() for values in each) for each in (other, nats))
        assert sum(map(len, other)) == sum(LENGTHS)
        assert total == pytest.approx(expected, rel=1e-6)

    def test_windows_are_read_by_themselves(self, network):
        windows = random_ids(5, CONTEXT + 1)
        logits = np.array(network(windows[:, :-1]), np.float64)
        expected = -tf.nn.log_softmax(logits).numpy()
        expected = np.take_along_axis(expected, windows[:, 1:, None], 2)[..., 0]
        nats = language_model_scores.window_nats(network, windows, rows=2)
        assert nats == pytest.approx(expected, abs=1e-5)

    def test_the_graph_gives_the_same(self, network, documents, nats):
        graph = TransformerGraph(network)
        rows = tf.ragged.constant([ids.tolist() for ids in documents], tf.int32, ragged_rank=1)
        assert graph.token_nats(rows).values.numpy() == pytest.approx(
            np.concatenate(nats), abs=1e-5
        )
        alone = graph.nats(rows[1:2]).numpy()[0]
        assert alone == pytest.approx(nats[1].sum(), rel=1e-6)

    def test_an_empty_document_has_none(self, network):
        graph = TransformerGraph(network)
        empty = tf.RaggedTensor.from_row_lengths(tf.zeros((0,), tf.int32), [0, 0])
        assert graph.nats(empty).numpy().tolist() == [0, 0]


class TestDecoding:
    @pytest.fixture(scope="class")
    def graph(self, network):
        return TransformerGraph(network)

    def test_the_cache_gives_what_the_window_gives(self, graph, network, documents):
        prompts = [documents[2].tolist(), documents[0].tolist(), []]
        state, token = graph.start(tf.ragged.constant(prompts, tf.int32, ragged_rank=1))
        following = random_ids(3, 3)
        for drawn in range(4):
            logits, state = graph.step(token, state)
            for row, prompt in enumerate(prompts):
                read = [0, *prompt, *following[row, :drawn]]
                expected = np.array(network(np.array([read], np.int32)))[0, -1]
                assert logits[row].numpy() == pytest.approx(expected, abs=1e-5)
            token = tf.constant(following[:, min(drawn, 2)])

    def test_of_a_longer_prompt_the_last_tokens_are_read(self, graph, documents):
        prompt = documents[1].tolist()
        rows = tf.ragged.constant([prompt, prompt[-CONTEXT:]], tf.int32, ragged_rank=1)
        state, token = graph.start(rows)
        logits, _ = graph.step(token, state)
        assert np.array_equal(logits[0], logits[1])

    def test_a_text_goes_on_beyond_the_context(self, variant, documents):
        """A full window becomes one of its later half: as where documents are scored."""
        graph, tokens = TransformerGraph(variant), documents[5][:18]
        state, token = graph.start(tf.ragged.constant([[], [3, 4]], tf.int32, ragged_rank=1))
        for index, following in enumerate(tokens):
            logits, state = graph.step(token, state)
            begin = max(0, (index - 4) // 4 * 4) if index >= CONTEXT else 0
            read = np.array([0, *tokens[:index]])[begin:]
            expected = np.array(variant(read[None].astype(np.int32)))[0, -1]
            assert logits[0].numpy() == pytest.approx(expected, abs=1e-5)
            token = tf.fill((2,), following)

    def test_zeros_are_a_state_before_anything(self, graph):
        zeros = {
            spec.name: tf.zeros((1, *spec.shape[1:]), spec.dtype) for spec in graph.state_specs
        }
        state, token = graph.start(tf.ragged.constant([[]], tf.int32, ragged_rank=1))
        assert np.array_equal(graph.step(token, state)[0], graph.step(token, zeros)[0])

    def test_probabilities_sum_to_one(self, graph):
        state, token = graph.start(tf.ragged.constant([[3, 4]], tf.int32, ragged_rank=1))
        logits, _ = graph.step(token, state)
        assert tf.reduce_sum(tf.nn.softmax(tf.cast(logits, tf.float64))).numpy() == pytest.approx(1)
