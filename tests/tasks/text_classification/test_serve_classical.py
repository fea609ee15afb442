"""The served n-gram classifier answers what the fitted one predicts, for any text of Unicode."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from pipelines.classical.ngram_features import Ngrams, vocabulary
from pipelines.spec import DataSpec, Field, Target
from pipelines.tasks.text_classification import serve, serve_classical

TEXTS = [
    "WINNER!! Claim your £1000 prize NOW, call 09061701461.",
    "hi, are you free for dinner at 8? I'll be home",
    "Ärger über Straße, Ünï, ΑΣΣΟΣ ΟΔΟΣ, İstanbul IRMAK ırmak",
    "日本語 テスト — naïve café…",
    "\t\n\u00a0\u3000x  y \n z",
    "cafe\u0301 e\u0301 (combining) and café",
    "a\0b NUL \x1c\x1d\x1e\x1f\x85 separators to Python",
    "👩\u200d👩\u200d👧 family 🇩🇪 ٣٤٥ ² ½ Ⅷ _x_ __",
    "ΟΔΟΣ Σ ΣΑΣ. final sigma ς",
    "DŽ ǅ ẞ ﬁ İ I ı i̇ K Å ſ",
    "line\r\nbreak\rand\x0bmore\x0c.",
    "\U0010ffff \ud7ff \ue000 \U000e0001 edges",
    "win win win win prize prize",
    "see see you you at home",
]
MORE = [
    "",
    " ",
    "win",
    "\u2028",
    "x" * 3000,
    "win " * 500,
    "never seen words at all",
    "ς",
    "\ufeff",
]
LETTERS = sorted(set("".join(TEXTS)))
BUILDS = [
    ("tfidf_svm", "words"), ("tfidf_svm", "characters"), ("tfidf_svm", "words_and_characters"),
    ("nb_svm", "words"), ("nb_svm", "characters"),
]  # fmt: skip
# Two among the fast tests.
ALL = [pytest.param(*build, marks=() if n in (2, 4) else pytest.mark.slow)
       for n, build in enumerate(BUILDS)]  # fmt: skip
UNICODE = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def spec(classes: int) -> DataSpec:
    inputs = {"words": Field.token_ids(4, 9)}
    labels = ("ham", "späm", "c")[:classes]
    return DataSpec(inputs, Target.class_id("label", classes), classes, ("text",), labels=labels)


class Served:
    """A fitted classifier and the SavedModel of it."""

    def __init__(self, folder, family: str, ngrams: str, classes: int):
        self.spec = spec(classes)
        build = {"family": family, "ngrams": ngrams}
        self.estimator = models.build(self.spec, "classical/linear_text", "linear_text", **build)
        targets = np.arange(len(TEXTS)) % classes
        columns = {"text": TEXTS, "label": targets}
        self.estimator.fit(columns, columns, seed=1)
        module, signatures = serve.estimator_endpoints(self.estimator, self.spec, None)
        tf.saved_model.save(module, str(folder), signatures)
        self.signature = tf.saved_model.load(str(folder)).signatures["serving_default"]

    def check(self, texts: list[str]) -> None:
        answer = {n: t.numpy() for n, t in self.signature(text=tf.constant(texts)).items()}
        expected, outputs = (
            self.estimator.predict({"text": texts}),
            serve.outputs(answer, self.spec),
        )
        np.testing.assert_allclose(outputs.probabilities, expected["probabilities"], atol=1e-6)
        np.testing.assert_array_equal(outputs.predicted, expected["predicted"])
        of_label = outputs.probabilities[np.arange(len(texts)), outputs.predicted]
        np.testing.assert_array_equal(answer["probability"], of_label)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Made once for each set of arguments."""
    made = {}

    def get(*arguments) -> Served:
        if arguments not in made:
            made[arguments] = Served(tmp_path_factory.mktemp("served"), *arguments)
        return made[arguments]

    return get


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("family", "ngrams"), ALL)
def test_awkward_texts_are_answered_alike(served, family, ngrams, classes):
    served(family, ngrams, classes).check(TEXTS + MORE)


@pytest.mark.parametrize(("family", "ngrams"), [BUILDS[2], BUILDS[4]])
def test_any_text_is_answered_alike(served, family, ngrams):
    model = served(family, ngrams, 2)
    known = st.text(st.sampled_from(LETTERS), max_size=60)
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    piece = st.one_of(known, anything, st.sampled_from(TEXTS))

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.lists(st.lists(piece, max_size=3).map(" ".join), min_size=1, max_size=8))
    def check(texts):
        model.check(texts)

    check()


def test_no_rows_are_answered_with_none(served):
    answer = served(*BUILDS[2], 2).signature(text=tf.constant([], tf.string))
    assert {name: tensor.shape.as_list() for name, tensor in answer.items()} == {
        "label": [0], "probability": [0], "probabilities": [0, 2],
    }  # fmt: skip


def test_bytes_that_are_not_utf8_are_read_with_the_replacement_character(served):
    signature = served(*BUILDS[1], 2).signature
    broken, replaced = (
        signature(text=tf.constant([text]))["probabilities"].numpy()
        for text in (b"win \xff\xfe now", "win \ufffd\ufffd now".encode())
    )
    np.testing.assert_array_equal(broken, replaced)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["words", "characters"])
def test_every_code_point_is_read_as_scikit_learn_reads_it(unit):
    """Where words begin and end, what is lower-cased, and what is a space, of all of Unicode."""
    ngrams = Ngrams(unit, 1, lowercase=True, weighting="presence")
    texts = ["".join(map(chr, UNICODE[start : start + 97])) for start in range(0, len(UNICODE), 97)]
    texts += [f"a{text}b  {text[::-1]}" for text in texts[:400]]
    analyze, vectorizer = ngrams.vectorizer().build_analyzer(), ngrams.vectorizer()
    vectorizer.fit(texts)
    tokens = vocabulary(vectorizer)
    split = serve_classical.Words if unit == "words" else serve_classical.Characters
    reader = split(serve_classical.CodePoints(lowercase=True), tokens)
    numbers, rows = (values.numpy() for values in reader(tf.constant(texts)))
    assert np.all(numbers >= 0)
    expected = [(row, token) for row, text in enumerate(texts) for token in analyze(text)]
    assert [(row, tokens[n]) for row, n in zip(rows, numbers, strict=True)] == expected


def test_a_vocabulary_without_longer_ngrams_is_served(tmp_path):
    """Every text is one word, so there is no pair of words."""
    of = spec(2)
    estimator = models.build(of, "classical/linear_text", "linear_text", ngrams="words")
    columns = {"text": ["win", "home", "prize", "bus"], "label": np.array([1, 0, 1, 0])}
    estimator.fit(columns, columns, seed=1)
    _, signatures = serve.estimator_endpoints(estimator, of, None)
    texts = ["win", "bus home", ""]
    answer = signatures["serving_default"](tf.constant(texts))
    expected = estimator.predict({"text": texts})["probabilities"]
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
