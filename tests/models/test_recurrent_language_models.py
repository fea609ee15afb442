"""Carried state, truncated gradients, causality and sums of recurrent language models."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import recurrent_language_models as builders
from pipelines.config import signatures
from pipelines.tasks.language_modeling.example import example_batch, example_spec
from pipelines.tasks.language_modeling.recurrent_graph import RecurrentGraph

SPEC = example_spec()
CELLS = ("elman", "gru", "lstm")
BUILDERS = signatures.builders("recurrent_language_models")


def model(cell: str = "lstm", **build) -> keras.Model:
    keras.utils.set_random_seed(1)
    build = {"embedding_dim": 4, "units": 5, **build}
    return getattr(builders, f"{cell}_language_model")(SPEC, **build)


def ids(rows: int, length: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(2, SPEC.outputs, (rows, length)).astype(np.int32)


@pytest.mark.parametrize("cell", CELLS)
def test_every_argument_is_documented(cell):
    builder = f"{cell}_language_model"
    text = inspect.getdoc(getattr(builders, builder))
    assert [name for name in BUILDERS[builder] if f"    {name}: " not in text] == []
    assert "https://" in text


def test_there_is_no_other_builder():
    assert set(BUILDERS) == {f"{cell}_language_model" for cell in CELLS}


@pytest.mark.parametrize("cell", CELLS)
def test_a_saved_model_is_the_same(cell, tmp_path):
    network, tokens = model(cell, depth=2), ids(3, 5)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert np.array_equal(loaded(tokens), network(tokens))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("depth", [1, 2])
def test_two_windows_in_training_are_one_long_window(cell, depth):
    network, tokens = model(cell, depth=depth), ids(3, 8)
    whole = network(tokens)
    first, second = (network(tokens[:, part], training=True) for part in (slice(4), slice(4, 8)))
    assert np.concatenate([first, second], axis=1) == pytest.approx(np.array(whole), abs=1e-5)


def test_zero_begins_a_document_in_training():
    network, tokens = model(), ids(2, 4)
    network(tokens, training=True)
    tokens[0, 0] = 0
    after = np.array(network(tokens, training=True))
    fresh = np.array(network(tokens))
    assert after[0] == pytest.approx(fresh[0], abs=1e-6)
    assert np.abs(after[1] - fresh[1]).max() > 1e-4


def test_states_are_carried_in_training_alone_and_can_be_reset():
    network, tokens = model(), ids(2, 4)
    before = np.array(network(tokens))
    network(tokens, training=True)
    assert np.array_equal(network(tokens), before)
    layer = network.get_layer("language_model")
    assert any(np.any(state) for state in layer.carried)
    layer.reset_state()
    assert not any(np.any(state) for state in layer.carried)


def embedding_gradient(network: keras.Model, windows: list[np.ndarray], training=True):
    """(V, E), of the sum of the logits of the last token with respect to the embeddings."""
    layer = network.get_layer("language_model")
    layer.reset_state()
    embeddings = layer.embedding.embeddings.value
    with tf.GradientTape() as tape:
        for window in windows:
            logits = layer(window, training=training)
        loss = tf.reduce_sum(logits[:, -1])
    return tf.convert_to_tensor(tape.gradient(loss, embeddings)).numpy()


def test_with_a_window_as_long_as_the_text_the_gradient_is_the_full_one():
    network, tokens = model(tied=False), ids(2, 8)
    full = embedding_gradient(network, [tokens], training=False)  # without a carried state
    assert embedding_gradient(network, [tokens]) == pytest.approx(full, abs=1e-6)
    cut = embedding_gradient(network, [tokens[:, :4], tokens[:, 4:]])
    assert np.abs(cut - full).max() > 1e-4


def test_no_gradient_passes_through_the_cut():
    network, tokens = model(tied=False), np.array([[2, 3, 4, 5]], np.int32)
    gradient = embedding_gradient(network, [tokens[:, :2], tokens[:, 2:]])
    assert np.abs(gradient).sum(axis=1).nonzero()[0].tolist() == [4, 5]


@pytest.mark.parametrize("cell", CELLS)
def test_a_later_token_changes_no_earlier_logits(cell):
    network, tokens = model(cell), ids(2, 6)
    changed = tokens.copy()
    changed[:, 4] = 2 + (changed[:, 4] - 1) % (SPEC.outputs - 2)
    before, after = np.array(network(tokens)), np.array(network(changed))
    assert np.array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-5


@pytest.mark.parametrize("tied", [True, False])
def test_parameters_are_those_of_the_arithmetic(tied):
    network = model("gru", embedding_dim=4, units=5, tied=tied)
    cell = 3 * (4 * 5 + 5 * 5 + 2 * 5)
    embeddings = SPEC.outputs * 4 * (1 if tied else 2)
    expected = embeddings + cell + (5 * 4 + 4) + SPEC.outputs
    assert sum(int(np.prod(w.shape)) for w in network.trainable_weights) == expected


@pytest.mark.slow
def test_a_model_learns_a_batch():
    network = model("gru", units=32, embedding_dim=16)
    inputs, targets = example_batch(SPEC)
    network.compile(
        keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    history = network.fit(inputs, targets, batch_size=16, epochs=60, verbose=0, shuffle=False)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


class TestScores:
    """Of whole documents, in windows, beside others of other lengths."""

    @pytest.fixture(scope="class")
    def graph(self):
        return RecurrentGraph(model("lstm", depth=2))

    @pytest.fixture(scope="class")
    def documents(self):
        rng = np.random.default_rng(1)
        return [rng.integers(2, SPEC.outputs, length).tolist() for length in (1, 300, 7, 256, 700)]

    def test_a_document_has_the_same_score_alone_and_beside_others(self, graph, documents):
        together = graph.nats(tf.ragged.constant(documents, tf.int32, ragged_rank=1)).numpy()
        alone = [graph.nats(tf.ragged.constant([ids], tf.int32)).numpy()[0] for ids in documents]
        assert together == pytest.approx(np.array(alone), rel=1e-6)

    def test_it_is_the_score_without_windows(self, graph, documents):
        tokens = np.array(documents[-1])
        logits = graph.layer(np.array([[0, *tokens[:-1]]]))[0]
        expected = -np.log(tf.nn.softmax(logits).numpy()[np.arange(700), tokens]).sum()
        nats = graph.nats(tf.ragged.constant([documents[-1]], tf.int32)).numpy()[0]
        assert nats == pytest.approx(expected, rel=1e-5)

    def test_a_decoder_continues_a_prompt_as_the_network_reads_it(self, graph, documents):
        prompts = tf.ragged.constant([documents[2], documents[0], []], tf.int32, ragged_rank=1)
        state, last = graph.start(prompts)
        logits, _ = graph.step(last, state)
        for row, prompt in enumerate((documents[2], documents[0], [])):
            expected = graph.layer(np.array([[0, *prompt]]))[0, -1]
            assert logits[row].numpy() == pytest.approx(np.array(expected), abs=1e-5)
