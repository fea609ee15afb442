"""Translators: causality, decoding with a cache, attention weights, and beam search."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import models
from pipelines.inference import beam_search
from pipelines.inference.beam_search import BEGIN, END, BeamSearchConfig, search
from tests.support.decoders import Bigrams
from tests.support.model_checks import pairs_spec

SPEC = pairs_spec(12, 50)
SIZES = {"hidden_dim": 16, "num_heads": 2, "depth": 2, "mlp_dim": 32}
KINDS = {
    "seq2seq": ("seq2seq", "seq2seq", {"embedding_dim": 8, "units": 16}),
    "seq2seq_attention": (
        "seq2seq", "seq2seq_attention", {"embedding_dim": 8, "units": 16, "cell": "lstm"}
    ),
    "transformer": ("transformer", "transformer", SIZES),
    "post_norm": ("transformer", "transformer", {**SIZES, "norm_first": False}),
}  # fmt: skip
LENGTH = 9


@pytest.fixture(scope="module", params=[
    pytest.param(kind, marks=() if kind == "transformer" else pytest.mark.slow) for kind in KINDS
])  # fmt: skip
def model(request):
    keras.utils.set_random_seed(3)
    module, builder, sizes = KINDS[request.param]
    return models.build(SPEC, module, builder, **sizes)


@pytest.fixture(scope="module")
def ids():
    rng = np.random.default_rng(0)
    source = rng.integers(4, 50, (3, 12)).astype("int32")
    source[1, 6:] = 0
    return source, rng.integers(4, 50, (3, LENGTH)).astype("int32")


def logits(model, source, target_in):
    return ops.convert_to_numpy(model({"source": source, "target_in": target_in}))


def test_decoding_step_by_step_equals_all_positions_at_once(model, ids):
    source, target_in = ids
    translator = model.get_layer("translator")
    state, steps = translator.start(ops.convert_to_tensor(source), LENGTH), []
    for index in range(LENGTH):
        step, state = translator.step(ops.convert_to_tensor(target_in[:, index]), index, state)
        steps.append(ops.convert_to_numpy(step))
    np.testing.assert_allclose(np.stack(steps, 1), logits(model, source, target_in), atol=1e-5)


@pytest.mark.parametrize("t", [1, 5, LENGTH - 1])
def test_decoding_is_causal(model, ids, t):
    source, target_in = ids
    changed = target_in.copy()
    changed[:, t:] = 4 + (changed[:, t:] - 3) % 46
    difference = np.abs(logits(model, source, changed) - logits(model, source, target_in))
    assert difference[:, :t].max() == 0.0
    assert (difference[:, t:].max(axis=(1, 2)) > 0).all()


def test_the_source_matters(model, ids):
    source, target_in = ids
    assert np.abs(logits(model, source[::-1], target_in) - logits(model, *ids)).max() > 1e-3


def test_attention_weights_sum_to_one_and_ignore_padding(model, ids):
    source, target_in = ids
    weights = model.get_layer("translator").attention(source, target_in)
    if model.name == "seq2seq":
        assert weights is None
        return
    weights = ops.convert_to_numpy(weights)
    assert weights.shape == (3, LENGTH, 12)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert weights[1, :, 6:].max() < 1e-6  # padding


def test_one_embedding_for_source_target_and_output(model):
    vocabulary_sized = [w for w in model.trainable_weights if 50 in w.shape]
    assert [w.path.split("/")[-1] for w in vocabulary_sized] == ["embeddings"]


def test_one_beam_is_greedy(model, ids):
    """Equal to the most probable word at each step, computed without a cache."""
    source, _ = ids
    translations, scores = search(
        model.get_layer("translator"), tf.constant(source), BeamSearchConfig(1, 1.0, LENGTH)
    )
    for row, (translation, score) in enumerate(
        zip(translations.numpy(), scores.numpy(), strict=True)
    ):
        words, total = [], 0.0
        while len(words) < LENGTH and END not in words:
            target_in = np.array([[BEGIN, *words]], "int32")
            last = logits(model, source[row : row + 1], target_in)[0, -1].astype("float64")
            log_probs = last - np.log(np.exp(last - last.max()).sum()) - last.max()
            log_probs[[0, 1, 2]] = -np.inf
            words.append(int(log_probs.argmax()))
            total += log_probs.max()
        assert translation[: len(words)].tolist() == words
        assert not translation[len(words) :].any()
        assert score == pytest.approx(total / len(words), abs=1e-5)


def all_hypotheses(bigram_logits, length, power):
    """(score, ids) of every hypothesis of at most `length` ids, best first."""
    log_probs = bigram_logits - np.log(np.exp(bigram_logits).sum(axis=1, keepdims=True))
    finished, unfinished = [], [(0.0, [])]
    for _ in range(length):
        longer = [
            (total + log_probs[ids[-1] if ids else BEGIN, word], [*ids, word])
            for total, ids in unfinished
            for word in range(3, len(bigram_logits))
        ]
        finished += [hypothesis for hypothesis in longer if hypothesis[1][-1] == END]
        unfinished = [hypothesis for hypothesis in longer if hypothesis[1][-1] != END]
    hypotheses = finished + unfinished
    return sorted(((total / len(ids) ** power, ids) for total, ids in hypotheses), reverse=True)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_returns_the_best_hypothesis(seed, power):
    table = np.random.default_rng(seed).normal(0, 2, (7, 7))
    translations, scores = search(
        Bigrams(table), tf.ones((2, 1), tf.int32), BeamSearchConfig(400, power, 4)
    )
    score, ids = all_hypotheses(table, 4, power)[0]
    assert scores.numpy() == pytest.approx([score] * 2, abs=1e-5)
    assert translations.numpy()[0].tolist() == (ids + [0] * 4)[:4]


def test_two_beams_avoid_a_greedy_mistake():
    table = np.full((6, 6), -20.0)
    table[BEGIN, [4, 5]] = np.log([0.6, 0.4])
    table[4, [3, 4]] = np.log([0.5, 0.5])  # the better first word, followed by worse ones
    table[5, 3] = 0.0
    best = {
        beams: search(Bigrams(table), tf.ones((1, 1), tf.int32), BeamSearchConfig(beams, 0.0, 2))[
            0
        ].numpy()[0]
        for beams in (1, 2)
    }
    assert best[1][0] == 4
    assert best[2].tolist() == [5, END]


class Parrot:
    """A translator that repeats the source's only word and records how many rows it encodes."""

    def __init__(self):
        self.rows = []

    def start(self, source, length):
        self.rows.append(source.shape[0])
        return {"word": source[:, 0], "steps": tf.zeros_like(source[:, 0])}

    def step(self, ids, index, state):
        word = tf.where(state["steps"] == 0, state["word"], END)
        return 5 * tf.one_hot(word, 9), {**state, "steps": state["steps"] + 1}


def test_a_source_is_encoded_once_for_all_its_beams():
    parrot = Parrot()
    translations, _ = search(parrot, tf.constant([[5], [7]]), BeamSearchConfig(3, 1.0, 4))
    assert parrot.rows == [2]
    assert translations.numpy().tolist() == [[5, END, 0, 0], [7, END, 0, 0]]


@pytest.mark.slow
def test_rows_do_not_mix(model):
    """A row has the same translation alone and in a batch."""
    rng = np.random.default_rng(1)
    source = rng.integers(4, 50, (5, 12)).astype("int32")
    config, translator = BeamSearchConfig(3, 1.0, LENGTH), model.get_layer("translator")
    batch, scores = search(translator, tf.constant(source), config)
    for row in (0, 2, 4):
        alone, score = search(translator, tf.constant(source[row : row + 1]), config)
        assert score.numpy()[0] == pytest.approx(scores.numpy()[row], abs=1e-5)
        assert np.array_equal(alone.numpy()[0], batch.numpy()[row])


def test_translate_concatenates_batches(model, monkeypatch):
    monkeypatch.setattr(beam_search, "BATCH", 2)
    source = np.random.default_rng(1).integers(4, 50, (5, 12)).astype("int32")
    ids, scores = beam_search.search_in_batches(
        model.get_layer("translator"), source, BeamSearchConfig(2, 1.0, LENGTH)
    )
    assert ids.shape == (5, LENGTH)
    assert scores.shape == (5,)
