"""word2vec: look-ups, costs computed by hand, noise words, and the Huffman tree."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import word_embeddings as builders
from models.layers import huffman
from pipelines.config import signatures
from pipelines.tasks.word_embedding import objective
from pipelines.tasks.word_embedding.example import example_batch, example_spec

SPEC = example_spec()
V, D = SPEC.outputs, 4
BUILDERS = signatures.builders("word_embeddings")
# Vectors and outputs, V*D each; then the noise, or nodes and turns of the tree, whose
# codes are at most log(1000 + 20) / log(golden ratio) = 14.4 long.
SIZES = {
    "one_word_context": 2 * V * D,
    "skip_gram": 2 * V * D + V,
    "cbow": 2 * V * D + V,
    "cbow_huffman": 2 * V * D + 2 * V * 15,
}
SAMPLED = ("skip_gram", "cbow")
EVERY = pytest.mark.parametrize("name", SIZES)


def model(name: str, **build) -> keras.Model:
    """With vectors and outputs that are not zero; word i has occurred i - 1 times."""
    keras.utils.set_random_seed(1)
    network = getattr(builders, name)(SPEC, embedding_dim=D, **build)
    layer, rng = network.get_layer(builders.LAYER), np.random.default_rng(1)
    for weight in (layer.vectors, layer.outputs):
        weight.assign(rng.normal(size=weight.shape))
    layer.count_words(counts())
    return network


def counts() -> np.ndarray:
    return np.maximum(np.arange(V) - 1, 0)


def matrices(network) -> tuple[np.ndarray, np.ndarray]:
    layer = network.get_layer(builders.LAYER)
    return np.array(layer.vectors), np.array(layer.outputs)


def costs_of(network, ids) -> np.ndarray:
    return np.array(network({"tokens": np.array(ids)}))


def softplus(x):
    return np.log1p(np.exp(x))


@EVERY
def test_every_argument_is_documented(name):
    text = inspect.getdoc(getattr(builders, name))
    assert [argument for argument in BUILDERS[name] if f"    {argument}: " not in text] == []
    assert "https://" in text


def test_there_is_no_other_builder():
    assert set(BUILDERS) == set(SIZES)


@EVERY
def test_size(name):
    assert model(name).count_params() == SIZES[name]


@EVERY
def test_a_saved_model_is_the_same(name, tmp_path):
    network, (inputs, _) = model(name), example_batch(SPEC)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert np.array_equal(loaded(inputs), network(inputs))


def test_a_one_hot_row_times_the_matrix_is_a_look_up():
    """'The dog is brown': four one-hot rows, and an embedding of three numbers a word."""
    words = keras.layers.Embedding(4, 3)
    words.build()
    words.embeddings.assign(np.random.default_rng(1).normal(size=(4, 3)))
    words.embeddings.assign(
        np.vstack([words.embeddings[:1], [[0.1, 0.3, 0.2]], words.embeddings[2:]])
    )
    one_hot = np.eye(4, dtype=np.float32)
    np.testing.assert_array_equal(one_hot @ np.array(words.embeddings), words(np.arange(4)))
    np.testing.assert_array_equal(words(np.array([1]))[0], np.float32([0.1, 0.3, 0.2]))


@EVERY
def test_the_gradient_of_the_loss(name):
    """Of every weight it is that of finite differences; here along one random direction."""
    network, (inputs, targets) = model(name), example_batch(SPEC, rows=4)
    loss, weights = objective.loss(SPEC), [weight.value for weight in network.trainable_weights]
    with tf.GradientTape() as tape:
        cost = loss(targets, network(inputs))
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(cost, weights)]
    rng, step = np.random.default_rng(2), 1e-2
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        direction, start = rng.normal(size=weight.shape).astype(np.float32), np.array(weight)
        costs = []
        for sign in (1, -1):
            weight.assign(start + sign * step * direction)
            costs.append(float(loss(targets, network(inputs))))
        weight.assign(start)
        assert (costs[0] - costs[1]) / (2 * step) == pytest.approx(
            float((gradient * direction).sum()), rel=2e-2, abs=1e-3
        )


def test_skip_gram_by_hand():
    """Words a b c, window 2: neighbours count 1, words at distance 2 half."""
    network = model("skip_gram", window=2, negatives=3)
    set_noise(network, 7)
    vectors, outputs = matrices(network)
    a, b, c = ids = [2, 3, 4]
    weight = {(a, b): 1, (b, a): 1, (b, c): 1, (c, b): 1, (a, c): 0.5, (c, a): 0.5}
    expected = [
        sum(
            share * (softplus(-vectors[i] @ outputs[j]) + 3 * softplus(vectors[i] @ outputs[7]))
            for (i, j), share in weight.items()
            if i == word
        )
        for word in ids
    ]
    (costs,) = costs_of(network, [ids])
    assert costs == pytest.approx(expected, rel=1e-5)


def test_cbow_by_hand():
    network = model("cbow", window=2, negatives=3)
    set_noise(network, 7)
    vectors, outputs = matrices(network)
    hidden = (1.0 * vectors[3] + 0.5 * vectors[4]) / 1.5  # of the first word's context
    expected = softplus(-hidden @ outputs[2]) + 3 * softplus(hidden @ outputs[7])
    assert costs_of(network, [[2, 3, 4]])[0, 0] == pytest.approx(expected, rel=1e-5)


def set_noise(network, word: int) -> None:
    """All noise words are this one."""
    network.get_layer(builders.LAYER).noise.assign((np.arange(V) >= word).astype(np.float32))


@EVERY
def test_documents_are_apart(name):
    """Two in one window, with id 0 between them, cost what they cost alone."""
    network = model(name)
    if name in SAMPLED:
        set_noise(network, 7)
    first, second = [3, 4, 5], [6, 7, 8, 9]
    together = costs_of(network, [[0, *first, 0, *second, 0, 0]])[0]
    apart = [costs_of(network, [[0, *ids]])[0, 1:] for ids in (first, second)]
    assert together[[0, 4, 9, 10]] == pytest.approx([0] * 4)
    assert together[1:4] == pytest.approx(apart[0], rel=1e-5)
    assert together[5:9] == pytest.approx(apart[1], rel=1e-5)


def test_one_word_context_is_a_distribution():
    network = model("one_word_context")
    targets = np.arange(1, V)
    costs = costs_of(network, np.stack([np.full(V - 1, 5), targets], axis=1))[:, 1]
    vectors, outputs = matrices(network)
    scores = outputs @ vectors[5]
    probabilities = np.exp(scores) / np.exp(scores).sum()  # of all ids
    assert np.exp(-costs) == pytest.approx(probabilities[1:], rel=1e-4)


@pytest.mark.parametrize("name", SAMPLED)
def test_noise_words_are_drawn_by_frequency_to_the_power_three_quarters(name):
    noise = np.diff(np.array(model(name).get_layer(builders.LAYER).noise), prepend=0)
    powers = counts() ** 0.75
    assert noise == pytest.approx(powers / powers.sum(), abs=1e-6)
    assert noise[:2] == pytest.approx([0, 0])


@pytest.mark.parametrize("name", SAMPLED)
def test_noise_is_new_in_training_and_the_same_in_validation(name):
    network, (inputs, _) = model(name), example_batch(SPEC)
    for training, same in ((True, False), (False, True)):
        first, second = (np.array(network(inputs, training=training)) for _ in range(2))
        assert np.array_equal(first, second) is same


def test_the_hierarchical_softmax_sums_to_one():
    """Over all ids, 0 included: with the product of the turns, computed from the tree itself."""
    network = model("cbow_huffman", window=1)
    layer = network.get_layer(builders.LAYER)
    vectors, outputs = matrices(network)
    hidden = (vectors[5] + vectors[6]) / 2
    scores = outputs[np.array(layer.nodes)] @ hidden  # (V, L)
    turns = np.array(layer.turns)
    probabilities = np.where(turns == 0, 1, 1 / (1 + np.exp(-turns * scores))).prod(axis=1)
    assert probabilities.sum() == pytest.approx(1, rel=1e-5)
    words = np.arange(1, V)
    middle = np.stack([np.full(V - 1, 5), words, np.full(V - 1, 6)], axis=1)
    assert np.exp(-costs_of(network, middle)[:, 1]) == pytest.approx(probabilities[1:], rel=1e-4)


def test_a_huffman_tree_by_hand():
    """Frequencies 5, 2, 1, 1: codes of 1, 2, 3 and 3 turns, 15 in all, where fixed ones have 18."""
    assert huffman.lengths([5, 2, 1, 1]).tolist() == [1, 2, 3, 3]


def test_huffman_codes_are_prefix_free_and_near_the_entropy():
    frequency = np.random.default_rng(1).zipf(1.5, 200)
    nodes, turns = huffman.paths(frequency, 60)
    codes = ["".join("01"[int(turn > 0)] for turn in row[row != 0]) for row in turns]
    ordered = sorted(codes)
    assert not any(b.startswith(a) for a, b in zip(ordered, ordered[1:], strict=False))
    share = frequency / frequency.sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= share @ np.array(list(map(len, codes))) < entropy + 1
    assert set(nodes[turns != 0]) == set(range(199)) and (nodes[:, 0] == 198).all()


def test_no_code_is_longer_than_the_layer_has_room_for():
    """Frequencies that grow as Fibonacci's numbers have the longest codes."""
    fibonacci = [1, 1]
    while len(fibonacci) < 20:
        fibonacci.append(sum(fibonacci[-2:]))
    layer = builders.word_vectors.HierarchicalSoftmax(20, D, 2, sum(fibonacci))
    assert huffman.lengths(fibonacci).max() == 19 <= layer.longest
