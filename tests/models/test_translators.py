"""Translators: what decoding may see, that remembering changes nothing, and the search itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import models
from pipelines.inference import beam_search
from pipelines.inference.beam_search import BEGIN, END, BeamSearchConfig, search
from tests.support.model_checks import pairs_spec

SPEC = pairs_spec(12, 50)
KINDS = {
    "seq2seq": ("seq2seq", {"embedding_width": 8, "units": 16}),
    "seq2seq_attention": ("seq2seq", {"embedding_width": 8, "units": 16, "cell": "lstm"}),
    "transformer": ("transformer", {"width": 16, "heads": 2, "depth": 2, "feed_forward": 32}),
}
LENGTH = 9


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    keras.utils.set_random_seed(3)
    module, sizes = KINDS[request.param]
    return models.build(SPEC, module, builder=request.param, **sizes)


@pytest.fixture(scope="module")
def ids():
    rng = np.random.default_rng(0)
    source = rng.integers(4, 50, (3, 12)).astype("int32")
    source[1, 6:] = 0
    return source, rng.integers(4, 50, (3, LENGTH)).astype("int32")


def logits(model, source, target_in):
    return ops.convert_to_numpy(model({"source": source, "target_in": target_in}))


def test_stepping_with_a_memory_equals_all_at_once(model, ids):
    source, target_in = ids
    translator = model.get_layer("translator")
    state, found = translator.start(ops.convert_to_tensor(source), LENGTH), []
    for index in range(LENGTH):
        said, state = translator.step(ops.convert_to_tensor(target_in[:, index]), index, state)
        found.append(ops.convert_to_numpy(said))
    np.testing.assert_allclose(np.stack(found, 1), logits(model, source, target_in), atol=1e-5)


@pytest.mark.parametrize("t", [1, 5, LENGTH - 1])
def test_no_look_ahead(model, ids, t):
    source, target_in = ids
    changed = target_in.copy()
    changed[:, t:] = 4 + (changed[:, t:] - 3) % 46
    gap = np.abs(logits(model, source, changed) - logits(model, source, target_in))
    assert gap[:, :t].max() == 0.0
    assert (gap[:, t:].max(axis=(1, 2)) > 0).all()


def test_the_source_matters(model, ids):
    source, target_in = ids
    assert np.abs(logits(model, source[::-1], target_in) - logits(model, *ids)).max() > 1e-3


def test_attention_is_shared_out(model, ids):
    source, target_in = ids
    shares = model.get_layer("translator").attention(source, target_in)
    if model.name == "seq2seq":
        assert shares is None
        return
    shares = ops.convert_to_numpy(shares)
    assert shares.shape == (3, LENGTH, 12)
    np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-5)
    assert shares[1, :, 6:].max() < 1e-6  # nothing for padding


def test_one_embedding_for_source_target_and_output(model):
    sized = [w for w in model.trainable_weights if 50 in w.shape]
    assert [w.path.split("/")[-1] for w in sized] == ["embeddings"]


def test_one_beam_is_greedy(model, ids):
    """Against the likeliest word of the whole model, again and again, remembering nothing."""
    source, _ = ids
    found, scores = search(
        model.get_layer("translator"), tf.constant(source), BeamSearchConfig(1, 1.0, LENGTH)
    )
    for row, (said, score) in enumerate(zip(found.numpy(), scores.numpy(), strict=True)):
        words, total = [], 0.0
        while len(words) < LENGTH and END not in words:
            given = np.array([[BEGIN, *words]], "int32")
            last = logits(model, source[row : row + 1], given)[0, -1].astype("float64")
            likely = last - np.log(np.exp(last - last.max()).sum()) - last.max()
            likely[[0, 1, 2]] = -np.inf
            words.append(int(likely.argmax()))
            total += likely.max()
        assert said[: len(words)].tolist() == words
        assert not said[len(words) :].any()
        assert score == pytest.approx(total / len(words), abs=1e-5)


class Table:
    """A translator whose next word hangs on the last alone: row `i` of `logs` follows id i."""

    def __init__(self, logs):
        self.logs = tf.constant(logs, tf.float32)

    def start(self, source, length):
        return {"said": tf.zeros((tf.shape(source)[0], 1))}

    def step(self, ids, index, state):
        return tf.gather(self.logs, ids), {"said": state["said"] + 1}


def every(logs, length, power):
    """(score, ids) of every hypothesis of at most `length` ids, best first."""
    words = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    done, going = [], [(0.0, [])]
    for _ in range(length):
        longer = [
            (total + words[ids[-1] if ids else BEGIN, word], [*ids, word])
            for total, ids in going
            for word in range(3, len(logs))
        ]
        done += [h for h in longer if h[1][-1] == END]
        going = [h for h in longer if h[1][-1] != END]
    return sorted(((t / len(i) ** power, i) for t, i in done + going), reverse=True)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_wide_search_finds_the_best_of_all(seed, power):
    logs = np.random.default_rng(seed).normal(0, 2, (7, 7))
    found, scores = search(Table(logs), tf.ones((2, 1), tf.int32), BeamSearchConfig(400, power, 4))
    score, ids = every(logs, 4, power)[0]
    assert scores.numpy() == pytest.approx([score] * 2, abs=1e-5)
    assert found.numpy()[0].tolist() == (ids + [0] * 4)[:4]


def test_more_beams_find_what_greed_misses():
    logs = np.full((6, 6), -20.0)
    logs[BEGIN, [4, 5]] = np.log([0.6, 0.4])
    logs[4, [3, 4]] = np.log([0.5, 0.5])  # a likely first word that leads nowhere good
    logs[5, 3] = 0.0
    best = {
        beams: search(Table(logs), tf.ones((1, 1), tf.int32), BeamSearchConfig(beams, 0.0, 2))[
            0
        ].numpy()[0]
        for beams in (1, 2)
    }
    assert best[1][0] == 4
    assert best[2].tolist() == [5, END]


class Parrot:
    """A translator that says the source's only word, then ends. `rows`: of all sources it read."""

    def __init__(self):
        self.rows = []

    def start(self, source, length):
        self.rows.append(source.shape[0])
        return {"word": source[:, 0], "said": tf.zeros_like(source[:, 0])}

    def step(self, ids, index, state):
        wanted = tf.where(state["said"] == 0, state["word"], END)
        return 5 * tf.one_hot(wanted, 9), {**state, "said": state["said"] + 1}


def test_a_source_is_read_once_for_all_its_beams():
    parrot = Parrot()
    found, _ = search(parrot, tf.constant([[5], [7]]), BeamSearchConfig(3, 1.0, 4))
    assert parrot.rows == [2]
    assert found.numpy().tolist() == [[5, END, 0, 0], [7, END, 0, 0]]


def test_rows_do_not_mix(model):
    """A row's translation is the same alone and in company; beams of rows are kept apart."""
    rng = np.random.default_rng(1)
    source = rng.integers(4, 50, (5, 12)).astype("int32")
    how, translator = BeamSearchConfig(3, 1.0, LENGTH), model.get_layer("translator")
    together, scores = search(translator, tf.constant(source), how)
    for row in range(5):
        alone, score = search(translator, tf.constant(source[row : row + 1]), how)
        assert score.numpy()[0] == pytest.approx(scores.numpy()[row], abs=1e-5)
        assert np.array_equal(alone.numpy()[0], together.numpy()[row])


def test_batches_of_translate_are_put_together(model, monkeypatch):
    monkeypatch.setattr(beam_search, "BATCH", 2)
    source = np.random.default_rng(1).integers(4, 50, (5, 12)).astype("int32")
    ids, scores = beam_search.search_in_batches(
        model.get_layer("translator"), source, BeamSearchConfig(2, 1.0, LENGTH)
    )
    assert ids.shape == (5, LENGTH)
    assert scores.shape == (5,)
