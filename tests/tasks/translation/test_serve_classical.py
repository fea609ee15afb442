"""The graph of a translation memory answers what Python computes, for every string."""

import random

import numpy as np
import pytest
import tensorflow as tf

from models.classical.translation_memory import METHODS, translation_memory
from pipelines.classical import translation_tokens
from pipelines.tasks.translation import serve_classical
from pipelines.tasks.translation.example import example_spec
from tests.classical.test_translation_memory import TRAIN, VAL

AWKWARD = [
    "", "   ", "\u00a0\n\x1c", "zzz qqq", "\x00", "a\x00b", "the the the car car car dog",
    "½ ٣٤ x² m²", "1,2,3..4", "12abc abc12", "red\u2003car\x85house", "l'été-là (the [car])!",
    "日本語 中文", "😀 red😀", "THE RED CAR.", "the new. tree the", "a-b-c ’n’ - ' -",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_equal_for_every_text(method, tmp_path):
    estimator = translation_memory(example_spec(), method=method)
    estimator.fit(TRAIN, VAL, seed=1)
    generator = random.Random(0)
    words = [*" ".join(TRAIN["text"]).split(), *"zzz , ' 12 the -".split()]
    texts = [*AWKWARD, *VAL["text"]]
    texts += [" ".join(generator.choices(words, k=generator.randrange(9))) for _ in range(60)]
    module, signatures = serve_classical.estimator_endpoints(estimator, example_spec(), None)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures)
    loaded = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    answer = loaded(text=tf.constant(texts))
    expected = estimator.predict({"text": texts})
    translations = [text.decode() for text in answer["translation"].numpy()]
    assert translations == expected["translations"]
    np.testing.assert_allclose(answer["score"].numpy(), expected["scores"], atol=1e-6)
    assert loaded(text=tf.constant([], tf.string))["translation"].shape == (0,)


def test_bytes_that_are_no_text_are_answered():
    estimator = translation_memory(example_spec(), method="repaired_memory")
    estimator.fit(TRAIN, VAL, seed=1)
    module, _ = serve_classical.estimator_endpoints(estimator, example_spec(), None)
    (translation,) = module.translate(tf.constant([b"the red \xff car"]))["translation"].numpy()
    assert (
        translation.decode()
        == estimator.predict({"text": ["the red \ufffd car"]})["translations"][0]
    )


@pytest.mark.slow
def test_tokens_are_those_of_re_on_all_of_unicode():
    generator = random.Random(1)
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    graph = tf.function(serve_classical.split, input_signature=[tf.TensorSpec((), tf.string)])
    fillers = ["", "", "a", " ", "1", ".1"]
    text = "".join(chr(code) + generator.choice(fillers) for code in codes)
    for start in range(0, len(text), 500_000):
        piece = text[start : start + 500_000]
        tokens = [token.decode() for token in graph(tf.constant(piece)).numpy()]
        assert tokens == translation_tokens.split(piece)


def test_tokens_are_joined_alike():
    generator = random.Random(2)
    tokens = ["a", "b1", "1.5", "'", "’", "-", ",", ".", "(", ")", "[", "é", "中", "!", "_", "٣"]
    graph = tf.function(serve_classical.join, input_signature=[tf.TensorSpec((None,), tf.string)])
    for _ in range(500):
        sample = generator.choices(tokens, k=generator.randrange(8))
        joined = graph(tf.constant(sample, tf.string)).numpy().decode()
        assert joined == translation_tokens.join(sample)
