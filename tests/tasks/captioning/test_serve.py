"""The served graph gives the captions that beam search in Python gives, from the files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import captioning
from pipelines.inference.decision import DecisionRule
from pipelines.preparation.image_captions import READER_FILE, TRAIN_CAPTIONS, data_spec
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.image_decoding import Reader
from pipelines.preprocessing.sentencepiece import learn
from pipelines.tasks.captioning import score, serve

CAPTIONS = ["a red dog", "a blue dog runs", "the dog is red", "Über, a red fox", "2 foxes run"]
BUILD = {"filters": (4,), "hidden_dim": 8, "dropout": 0.0, "embedding_dim": 6, "units": 10}
RULE = DecisionRule(options={"beam_width": 2, "length_penalty": 1.0})


@pytest.mark.parametrize(("method", "size"), [("word", 20), ("unigram", 30), ("char", 30)])
def test_pieces_are_joined_as_sentencepiece_does(method, size):
    subwords = learn(CAPTIONS, size, method, "nmt_nfkc_cf")
    written = serve.GraphTokens(subwords)
    ids = subwords.encode(CAPTIONS)
    rows = tf.ragged.constant([[*row, 3] for row in ids]).to_tensor()
    text = written.text(written.tokens(rows)).numpy()
    assert [line.decode() for line in text] == subwords.decode(ids)


@pytest.mark.slow
def test_what_is_served_is_what_is_scored(tmp_path):
    keras.utils.set_random_seed(1)
    subwords = learn(CAPTIONS, 20, "word", "nmt_nfkc_cf")
    subwords.save(tmp_path)
    Reader(8, 8, 3).save(tmp_path / READER_FILE)
    (tmp_path / TRAIN_CAPTIONS).write_text("\n".join(CAPTIONS), "utf-8")
    spec = data_spec((8, 8, 3), 6, subwords.size)
    model = captioning.attention_captioner(spec, **BUILD)
    rng = np.random.default_rng(3)
    model.set_weights([w + rng.normal(0, 0.4, w.shape) for w in model.get_weights()])
    images = rng.integers(0, 256, (7, 8, 8, 3), np.uint8)
    expected = score.predict(model, {"image": images}, spec, RULE, tmp_path)
    module, signatures = serve.endpoints(model, spec, tmp_path, RULE)
    path = str(tmp_path / "saved")
    tf.saved_model.save(module, path, signatures)
    loaded = tf.saved_model.load(path).signatures
    files = tf.constant([image_decoding.png(image) for image in images])
    answer = {name: v.numpy() for name, v in loaded["serving_default"](image_bytes=files).items()}
    assert list(serve.outputs(answer, spec).captions) == list(expected.captions)
    assert len(set(expected.scores.tolist())) > 1
    np.testing.assert_allclose(answer["score"], expected.scores, atol=1e-5)
    tokens = loaded["tokens"](image_bytes=files)["tokens"].numpy()
    assert tokens.shape == (7, 6)
