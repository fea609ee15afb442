"""Captioners decode step by step what they learn at once; searches end, whatever the batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import captioning
from pipelines.inference.beam_search import BeamSearchConfig, search_in_batches
from pipelines.preprocessing.sentencepiece import BEGIN, END
from pipelines.tasks.captioning.decoder import ImageDecoder
from pipelines.tasks.captioning.example import example_batch, example_spec

SPEC = example_spec()
SMALL = {"filters": (6,), "hidden_dim": 8, "dropout": 0.2}
BUILDERS = {
    "attention_captioner": {**SMALL, "embedding_dim": 6, "units": 10},
    "transformer_captioner": {**SMALL, "num_heads": 2, "depth": 2, "mlp_dim": 12},
}
INPUTS, _ = example_batch(SPEC, rows=6)


@pytest.fixture(scope="module", params=BUILDERS)
def model(request) -> keras.Model:
    keras.utils.set_random_seed(2)
    model = getattr(captioning, request.param)(SPEC, **BUILDERS[request.param])
    rng = np.random.default_rng(3)
    model.set_weights([w + rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


def test_a_step_gives_the_logits_of_all_positions_at_once(model):
    ids = INPUTS["caption_in"]
    whole = model(INPUTS, training=False).numpy()
    decoder = ImageDecoder(model)
    state = decoder.start(tf.constant(INPUTS["image"]), ids.shape[1])
    for place in range(ids.shape[1]):
        logits, state = decoder.step(tf.constant(ids[:, place]), place, state)
        np.testing.assert_allclose(logits, whole[:, place], atol=2e-5)


def test_several_captions_of_an_image_are_as_each_with_its_image(model):
    ids = INPUTS["caption_in"]
    shared = model({"image": INPUTS["image"][:2], "caption_in": ids}, training=False)
    repeated = np.repeat(INPUTS["image"][:2], 3, axis=0)
    single = model({"image": repeated, "caption_in": ids}, training=False)
    np.testing.assert_allclose(shared, single, atol=2e-5)


def test_attention_sums_to_one_and_depends_on_the_words_so_far_alone(model):
    decoder, images = ImageDecoder(model), tf.constant(INPUTS["image"])
    ids = INPUTS["caption_in"].copy()
    shares = np.asarray(decoder.attention(images, ids))
    assert shares.shape == (6, 5, 16)
    np.testing.assert_allclose(shares.sum(axis=2), 1, atol=1e-5)
    ids[:, 3:] = 5
    again = np.asarray(decoder.attention(images, ids))
    np.testing.assert_allclose(again[:, :3], shares[:, :3], atol=1e-6)


def greedy(model, images: np.ndarray, steps: int) -> list[list[int]]:
    """Token by token with the whole model: the most probable one that may be said."""
    rows = []
    for image in images:
        ids = [BEGIN]
        while len(ids) <= steps and ids[-1] != END:
            given = {"image": image[None], "caption_in": np.array([ids], np.int32)}
            logits = model(given, training=False).numpy()[0, -1]
            logits[:END] = -np.inf
            ids.append(int(logits.argmax()))
        rows.append(ids[1:])
    return rows


@pytest.mark.slow
def test_a_beam_of_one_is_greedy_and_every_search_ends(model):
    decoder, images = ImageDecoder(model), INPUTS["image"]
    found, _ = search_in_batches(decoder, images, BeamSearchConfig(1, 1.0, 7))
    for row, expected in zip(found, greedy(model, images, 7), strict=True):
        assert row[: len(expected)].tolist() == expected
        assert not row[len(expected) :].any()


@pytest.mark.slow
def test_captions_do_not_depend_on_the_rest_of_a_batch(model):
    decoder, order = ImageDecoder(model), np.array([4, 1, 5])
    config = BeamSearchConfig(3, 1.0, 7)
    found, scores = search_in_batches(decoder, INPUTS["image"], config)
    fewer, of_fewer = search_in_batches(decoder, INPUTS["image"][order], config)
    np.testing.assert_array_equal(fewer, found[order])
    np.testing.assert_allclose(of_fewer, scores[order], atol=1e-5)
