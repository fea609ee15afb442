"""What is served says exactly what the pipelines' own path says, of any text."""

import os
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from pipelines.evaluation import classifier
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import tokenization, windows
from pipelines.spec import DataSpec, Field, Target
from pipelines.tasks.text_classification import serve
from tests.support.sizes import nightly

TRAIN = [
    "WINNER!! Claim your £1000 prize NOW, call 09061701461.",
    "hi, are you free for dinner at 8? I'll be home",
    "Free entry: txt WIN to 80086 £££",
    "ok see you there :) 😀 i am ill",
    "Ärger über Straße, Ünï, ΑΣΣΟΣ ΟΔΟΣ, İstanbul IRMAK ırmak",
    "日本語 テスト — naïve café…",
]
AWKWARD = [
    *TRAIN,
    "",
    " ",
    "\t\n\u00a0\u3000",
    "a",
    "x" * 5000,
    "win " * 300,
    "\u200b zero\u200bwidth \ufeff byte order mark",
    "cafe\u0301 e\u0301 (combining) and café",
    "a\0b NUL",
    "\x1c\x1d\x1e\x1f\x85 separators to Python, not to C",
    "👩\u200d👩\u200d👧 family 🇩🇪",
    "0909 879 0188 or 0 00 000 or ٣٤٥ or ²",
    "\\1 \\0 $1 {0} %s regex [a-z] (group) ^.*$",
    "ΟΔΟΣ Σ ΣΑΣ. final sigma",
    "DŽ ǅ ẞ ﬁ İ I ı i̇",
    "line\r\nbreak\rand\x0bmore\x0c.",
    "\U0010ffff \ud7ff \ue000 edges",
    "'; DROP TABLE runs; --",
]
LABELS = {2: ("ham", "spam"), 3: ("a", "bé", "c")}
RULES = {
    "softmax": (2, None, DecisionRule()),
    "positive 0": (2, "ham", DecisionRule(0, 1.7, -0.3, 0.6)),
    "positive 1": (2, "spam", DecisionRule(1, 0.8, 0.4, 0.55)),
    "three classes": (3, None, DecisionRule()),
}
LOAD = """
import sys
sys.modules["keras"] = None  # TensorFlow imports it where it can
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = signature(text=tf.constant(["free prize", "see you"]))
print([label.decode() for label in answer["label"].numpy()])
print(answer["probabilities"].numpy().tolist())
there = {name.split(".")[0] for name, module in sys.modules.items() if module is not None}
assert not {"keras", "keras_hub", "models", "pipelines"} & there
"""
LOWER = """
import sys
import numpy as np
import tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
texts = open(sys.argv[2], encoding="utf-8").read().split("|")
np.save(sys.argv[3], signature(text=tf.constant(texts))["probabilities"].numpy())
"""


class Served:
    """A tiny model, its own path and its SavedModel."""

    def __init__(self, folder, rule):
        classes, positive, self.decision = RULES[rule]
        keras.utils.set_random_seed(3)
        self.tokenizers = {
            "words": tokenization.learn(TRAIN, "word", True, 60, 10),
            "characters": tokenization.learn(TRAIN, "character", False, 50, 30),
            "pieces": tokenization.learn(TRAIN, "subword", True, 70, 25),
        }
        inputs = {
            name: Field.token_ids(t.max_tokens, t.size) for name, t in self.tokenizers.items()
        }
        self.spec = DataSpec(
            inputs, Target.class_id("label", classes), classes, ("text",), LABELS[classes], positive
        )
        for name, tokenizer in self.tokenizers.items():
            tokenizer.save(folder / f"{name}.json")
        self.model = models.build(
            self.spec, "text_cnn", "text_cnn", embedding_dim=6, filters=8, kernel_sizes=[1, 2, 3]
        )
        head = self.model.get_layer("logits")  # sure of itself, and no class its favourite
        head.set_weights([20 * head.get_weights()[0], head.get_weights()[1]])
        logits = self.model.predict(self.ids(AWKWARD), verbose=0)
        head.bias.assign(-np.median(logits, axis=0))
        module, signatures = serve.endpoints(self.model, self.spec, folder, self.decision)
        assert list(signatures) == ["serving_default"]
        self.path = folder / "model"
        tf.saved_model.save(module, str(self.path), signatures)
        self.signature = tf.saved_model.load(str(self.path)).signatures["serving_default"]

    def ids(self, texts):
        return {
            name: windows.pad(t.encode(texts), t.max_tokens) for name, t in self.tokenizers.items()
        }

    def expected(self, texts):
        columns = self.ids(texts)
        return classifier.predict(self.model, columns, self.spec, self.decision)

    def ask(self, texts):
        answer = self.signature(text=tf.constant(texts, tf.string))
        return {name: value.numpy() for name, value in answer.items()}

    def check(self, texts):
        expected, result = self.expected(texts), self.ask(texts)
        np.testing.assert_allclose(
            result["probabilities"], expected.probabilities, rtol=0, atol=1e-6
        )
        labels = [self.spec.labels[number] for number in expected.predicted]
        assert [label.decode() for label in result["label"]] == labels
        of_predicted = result["probabilities"][np.arange(len(texts)), expected.predicted]
        np.testing.assert_array_equal(result["probability"], of_predicted)
        return labels


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return Served(tmp_path_factory.mktemp("one"), "positive 1")


@pytest.fixture(scope="module", params=[
    pytest.param(rule, marks=() if rule == "positive 1" else pytest.mark.slow) for rule in RULES
])  # fmt: skip
def served(request, one, tmp_path_factory):
    same = request.param == "positive 1"
    return one if same else Served(tmp_path_factory.mktemp("served"), request.param)


def test_answers_are_the_pipelines_own(served):
    labels = served.check(AWKWARD)
    assert len(set(labels)) == len(served.spec.labels), "every label must come up"


def test_every_text_is_answered_as_if_it_were_alone(served):
    together = served.ask(AWKWARD)["probabilities"]
    alone = np.concatenate([served.ask([text])["probabilities"] for text in AWKWARD])
    # The order of sums depends on the number of rows, and the head is multiplied by 20 here.
    np.testing.assert_allclose(alone, together, rtol=0, atol=2e-5)


def test_the_decision_is_in_the_graph(served):
    """Where a threshold is not one half, some text must fall between the two."""
    result = served.ask(AWKWARD)
    positive = served.spec.positive_id
    if positive is None:
        expected = result["probabilities"].argmax(axis=1)
    else:
        above = result["probabilities"][:, positive] >= served.decision.threshold
        expected = np.where(above, positive, 1 - positive)
    assert [served.spec.labels.index(label.decode()) for label in result["label"]] == list(expected)


def test_token_ids_are_the_same_to_the_last(served):
    for name, tokenizer in served.tokenizers.items():
        graph = serve.GraphTokenizer(tokenizer)(tf.constant(AWKWARD)).numpy()
        np.testing.assert_array_equal(graph, served.ids(AWKWARD)[name], err_msg=name)
        assert graph.dtype == np.int32
        assert (graph == tokenization.UNKNOWN).any()


def test_random_texts_too(one):
    """2,000 texts of random characters, mostly of the kinds that rules and lower-casing treat."""
    rng = np.random.default_rng(0)
    alphabet = np.array(
        list("aIzZ09 .,!?£\t\n\u00a0\u200b\u3000ßÄäΣσςİıŁж😀\u2026-_'\"\\$^[]\u0301")
    )
    texts = ["".join(rng.choice(alphabet, rng.integers(0, 40))) for _ in range(2000)]
    for name, tokenizer in one.tokenizers.items():
        graph = serve.GraphTokenizer(tokenizer)(tf.constant(texts)).numpy()
        np.testing.assert_array_equal(graph, one.ids(texts)[name])


@pytest.mark.parametrize("rows", [0, 1, 257])
def test_any_number_of_rows(one, rows):
    texts = [AWKWARD[row % len(AWKWARD)] for row in range(rows)]
    result = one.ask(texts)
    assert result["label"].shape == result["probability"].shape == (rows,)
    assert result["probabilities"].shape == (rows, 2)
    if rows:
        one.check(texts)


def test_names_and_types_of_what_goes_in_and_comes_out(served):
    positional, named = served.signature.structured_input_signature
    assert positional == ()
    assert {n: (s.dtype, s.shape.as_list()) for n, s in named.items()} == {
        "text": (tf.string, [None])
    }
    outputs = served.signature.structured_outputs
    assert {n: (s.dtype, s.shape.as_list()) for n, s in outputs.items()} == {
        "label": (tf.string, [None]),
        "probability": (tf.float32, [None]),
        "probabilities": (tf.float32, [None, served.spec.outputs]),
    }


@pytest.mark.parametrize(
    "broken",
    [b"\xff\xfe\xfd", b"free \xc3\x28 prize", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\x80" * 99],
)
def test_bytes_that_are_no_utf8_are_answered(one, broken):
    result = one.ask([broken, b"see you"])
    assert result["label"][0].decode() in one.spec.labels
    assert np.isfinite(result["probabilities"]).all()
    np.testing.assert_allclose(result["probabilities"].sum(axis=1), 1, atol=1e-6)
    alone = one.ask([b"see you"])["probabilities"][0]
    np.testing.assert_allclose(result["probabilities"][1], alone, atol=1e-6)


def test_outputs_turns_answers_back_into_what_score_takes(served):
    result = serve.outputs(served.ask(AWKWARD), served.spec)
    expected = served.expected(AWKWARD)
    np.testing.assert_array_equal(result.predicted, expected.predicted)
    assert result.predicted.dtype == expected.predicted.dtype == np.int32
    assert result.probabilities.dtype == expected.probabilities.dtype == np.float32


def test_labels_are_named_by_the_spec(one, tmp_path):
    for name, tokenizer in one.tokenizers.items():
        tokenizer.save(tmp_path / f"{name}.json")
    renamed = replace(one.spec, labels=("no", "yes"), positive="yes")
    module, _ = serve.endpoints(one.model, renamed, tmp_path, one.decision)
    result = module.classify(tf.constant(AWKWARD))["label"].numpy()
    expected = [{b"ham": b"no", b"spam": b"yes"}[name] for name in one.ask(AWKWARD)["label"]]
    assert list(result) == expected


def run(*command, **environment):
    result = subprocess.run(
        [sys.executable, "-c", *map(str, command)], capture_output=True, text=True, check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}, cwd="/",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_tensorflow_alone_can_load_it(one):
    """No Keras and none of this project: what a server has."""
    expected = one.ask(["free prize", "see you"])
    labels = [label.decode() for label in expected["label"]]
    assert run(LOAD, one.path) == f"{labels}\n{expected['probabilities'].tolist()}\n"


@pytest.mark.slow
@pytest.mark.parametrize("language", [
    "tr_TR.UTF-8", "lt_LT.UTF-8",
    *(pytest.param(name, marks=nightly) for name in ("az_AZ.UTF-8", "C")),
])  # fmt: skip
def test_the_servers_language_does_not_matter(one, tmp_path, language):
    """TensorFlow lower-cases by the rules of LANG; in Turkish I becomes a dotless ı."""
    texts = ["IRMAK I WIN", "İstanbul", "CLAIM PRIZE ILL", "winner", "Ì Í Ĩ Į̀ J́"]
    (tmp_path / "texts").write_text("|".join(texts), "utf-8")
    out = tmp_path / "probabilities.npy"
    run(LOWER, one.path, tmp_path / "texts", out, LANG=language, LC_ALL=language)
    expected = one.expected(texts).probabilities
    np.testing.assert_allclose(np.load(out), expected, atol=1e-6)
