"""Scores against sacreBLEU, baselines by hand, loss by hand, and the served graph."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import sacrebleu
import tensorflow as tf
from keras import ops

import models
from models.classical.translation_memory import translation_memory
from pipelines.classical.translation_memory import (
    SentenceMemory,
    by_sentence,
    by_word,
    dictionary_of,
)
from pipelines.classical.word_alignment import most_probable_translations
from pipelines.config.errors import UserError
from pipelines.evaluation.bootstrap import weights
from pipelines.preparation import sentence_pairs
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.tasks.translation import baselines, figures, objective, serve
from pipelines.tasks.translation import score as task
from pipelines.tasks.translation.example import example_spec
from pipelines.tasks.translation.info import INFO
from pipelines.tasks.translation.metrics import Outputs, of_texts, score, signatures
from pipelines.training.adam import LayerwiseAdam

SAID = ["The cat sat on the mat.", "a dog", "Je suis là .", "exactly the same words here", ""]
TRUE = [
    "The cat is on the mat.",
    "the dog barks",
    "Je suis ici.",
    "exactly the same words here",
    "no",
]
TEST = {"reference": TRUE}


def corpus(said, true):
    return {
        "bleu": sacrebleu.corpus_bleu(said, [true]).score,
        "chrf": sacrebleu.corpus_chrf(said, [true]).score,
        "bleu_tokenised": sacrebleu.corpus_bleu(
            said, [true], lowercase=True, smooth_method="none"
        ).score,
        "exact_match": np.mean([a == b for a, b in zip(said, true, strict=True)]),
    }


def test_equal_to_sacrebleu():
    found = score(of_texts(SAID), TEST, None, np.ones((1, 5), np.uint8))
    for name, value in corpus(SAID, TRUE).items():
        assert found[name][0] == pytest.approx(value, abs=1e-9), name


def test_a_weight_of_two_is_a_row_twice():
    drawn = weights(5, 20, seed=1)
    found = score(of_texts(SAID), TEST, None, drawn)
    for place, counts in enumerate(drawn):
        rows = np.repeat(np.arange(5), counts)
        wanted = corpus([SAID[i] for i in rows], [TRUE[i] for i in rows])
        for name, value in wanted.items():
            assert found[name][place] == pytest.approx(value, abs=1e-9), name


def test_the_reference_scores_perfectly_and_no_row_scores_nothing():
    found = score(of_texts(TRUE[:4]), {"reference": TRUE[:4]}, None, np.array([[1] * 4, [0] * 4]))
    for name, best in (("bleu", 100), ("chrf", 100), ("bleu_tokenised", 100), ("exact_match", 1)):
        assert found[name][0] == pytest.approx(best, abs=1e-9)
        assert np.isnan(found[name][1])


def test_signatures_say_how():
    found = signatures(of_texts(SAID), TEST)
    assert found["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert "case:lc" in found["bleu_tokenised"]


TRAIN = (
    ["the house", "the book", "a book", "the blue house"],
    ["das Haus", "das Buch", "ein Buch", "das blaue Haus"],
)


def test_model_1_finds_the_words():
    best = dictionary_of(*TRAIN)
    assert {word: best[word] for word in ("the", "house", "book", "a")} == {
        "the": "das", "house": "Haus", "book": "Buch", "a": "ein",
    }  # fmt: skip


def test_model_1_by_hand():
    """One round on "a b" -> "x y", "a" -> "x": with the empty word uniform at 1/2 each, x and y
    take a third from each word of the first pair, x a half from each of the second."""
    sources, targets = [["a", "b"], ["a"]], [["x", "y"], ["x"]]
    # counts of a: x 1/3 + 1/2, y 1/3, so t(x | a) = 5/7; b: 1/3 each, a tie the earlier id wins
    assert most_probable_translations(sources, targets)["a"] == "x"


def test_word_by_word_memory_and_repair():
    dictionary, memory = dictionary_of(*TRAIN), SentenceMemory(*TRAIN)
    assert by_word(dictionary, ["a house 42"]).translations == ["ein Haus 42"]
    nearest = by_sentence(memory, dictionary, ["blue house"], repair=False)
    assert nearest.translations == ["das blaue Haus"]
    repaired = by_sentence(memory, dictionary, ["a house"], repair=True)
    assert repaired.translations[0] in ("ein Haus", "ein Buch")
    kilometres = SentenceMemory(["100 km"], ["100 km"])
    assert by_sentence(kilometres, {}, ["250 km"], repair=True).translations == ["250 km"]


def test_baselines_are_the_copy_and_what_the_strong_model_translates():
    train = {"text": TRAIN[0], "reference": TRAIN[1]}
    val = {"text": ["the house", "a book"], "reference": ["das Haus", "ein Buch"]}
    of = example_spec()
    strong = translation_memory(of)
    strong.fit(train, val, seed=1)
    test = {"text": ["the book"], "reference": ["das Buch"]}
    found = dict(baselines.fit_predict(train, val, test, of, seed=1, strong=strong))
    assert list(found) == ["baseline_copy", INFO.strong_baseline]
    assert found["baseline_copy"].translations == ["the book"]
    assert found[INFO.strong_baseline].translations == ["das Buch"]
    assert found[INFO.strong_baseline].selection == strong.selection.settings


def logits_and_targets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 3, 5)).astype("float32"), np.array([[4, 2, 0], [1, 0, 0]], "int32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_by_hand(smoothing):
    logits, targets = logits_and_targets()
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    real = [(0, 0), (0, 1), (1, 0)]
    each = [
        -(1 - smoothing) * logs[r, t, targets[r, t]] - smoothing * logs[r, t].mean()
        for r, t in real
    ]
    found = objective.loss(None, label_smoothing=smoothing)(targets, logits)
    assert float(found) == pytest.approx(np.mean(each), abs=1e-6)


def test_padding_weighs_nothing():
    logits, targets = logits_and_targets()
    changed = logits.copy()
    changed[0, 2], changed[1, 1:] = 9, -9
    measure = objective.loss(None)
    assert float(measure(targets, changed)) == float(measure(targets, logits))
    (accuracy,) = objective.metrics(None)
    logits[0, 0, 4] = logits[0, 1, 2] = 50
    logits[1, 0, 1] = -50
    accuracy.update_state(targets, logits)
    assert float(accuracy.result()) == pytest.approx(2 / 3)


def test_search_options_are_checked():
    assert objective.fit_decision_rule(None, None, None, beam_width=3).options == {
        "beam_width": 3, "length_penalty": 1.0,
    }  # fmt: skip
    for choice, value in (("beam_width", 0), ("length_penalty", -1.0)):
        with pytest.raises(UserError) as error:
            objective.fit_decision_rule(None, None, None, **{choice: value})
        assert error.value.code == f"{choice.replace('_', '-')}-invalid"
        assert (error.value.key, error.value.value) == (f"decide.{choice}", value)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """(folder of split, spec, model, decision): thirty pairs and an untrained Transformer."""
    folder = tmp_path_factory.mktemp("tiny")
    sources = [f"Number {n} of the Été list, {n * n} in all" for n in range(30)]
    targets = [f"Numéro {n} de la liste, {n * n} en tout" for n in range(30)]
    own = sentence_pairs.Pairs(sources, targets, np.arange(30))
    settings = sentence_pairs.SubwordOptions(vocabulary_size=80, max_tokens=24)
    divided = {"train": own, "val": own.take([1, 2]), "test": own.take([3, 4, 5])}
    known = sentence_pairs.write(folder / "repeat0", "tiny", divided, np.ones(3, bool), settings)
    spec = sentence_pairs.describe(known.size, settings, 1)
    keras.utils.set_random_seed(1)
    sizes = {"hidden_dim": 16, "num_heads": 2, "depth": 1, "mlp_dim": 16}
    model = models.build(spec, "transformer", builder="transformer", **sizes)
    return (
        folder / "repeat0",
        spec,
        model,
        objective.fit_decision_rule(None, None, spec, beam_width=2),
    )


HARD = [
    "Number 7 of the Été list", "", " ", "two  spaces\tand tab", "ÉTÉ ﬁn ① ½ … «quoted»",
    "日本語 🙂", "e\u0301 composed", "a\u00a0no-break", "\ufeffmark", "x" * 200, "line\nbreak",
    "<s> </s> <unk>", "\u2581low", "zero\0byte",
]  # fmt: skip


def test_both_tokenisations_are_one(tiny):
    folder, spec, *_ = tiny
    known = Subwords.load(folder / "assets")
    graph = serve.GraphSubwords(known, 24)
    found = graph.encode(tf.constant(HARD)).numpy()
    for text, row, ids in zip(HARD, found, known.encode(HARD), strict=True):
        wanted = [*ids[:23], 3]
        assert row.tolist() == wanted + [0] * (24 - len(wanted)), text
    assert [t.decode() for t in graph.decode(tf.constant(found)).numpy()] == known.decode(found)


@pytest.mark.slow
def test_served_is_what_is_evaluated(tiny, tmp_path):
    from pipelines.storage import arrays

    folder, spec, model, decision = tiny
    test = arrays.read(folder / "test")
    predicted = task.predict(model, test, spec, decision, assets=folder / "assets")
    module, signatures_ = serve.endpoints(model, spec, folder / "assets", decision)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures_)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    answer = loaded.signatures["serving_default"](text=tf.constant(list(test["text"])))
    served = serve.outputs({name: value.numpy() for name, value in answer.items()}, spec)
    assert served.translations == list(predicted.translations)
    np.testing.assert_allclose(served.scores, predicted.scores, atol=1e-6)
    ids = loaded.signatures["ids"](source=tf.constant(np.asarray(test["source"])))
    assert np.array_equal(ids["ids"].numpy(), predicted.ids)
    none = loaded.signatures["serving_default"](text=tf.constant([], tf.string))
    assert none["translation"].shape == none["score"].shape == (0,)
    assert serve.REQUIRES == ("tensorflow_text",)


def test_figures_and_tables(tiny, tmp_path):
    from pipelines.storage import arrays

    folder, spec, model, decision = tiny
    test = arrays.read(folder / "test")
    predicted = task.predict(model, test, spec, decision, assets=folder / "assets")
    figures.draw(predicted, test, spec, decision, tmp_path, model)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert {"figures/by_length.png", "figures/attention.png", "samples.csv"} <= names
    assert (tmp_path / "samples.csv").read_text("utf-8").count("\n") == 4


def test_the_attention_figure_takes_its_ids_from_the_tokenizer(tmp_path, monkeypatch):
    """The decoder is fed BEGIN and the translation; the last row is END."""
    fed, spelt = [], []

    def attention(source, target):
        fed.append(target.tolist())
        return np.full((1, target.shape[1], source.shape[1]), 1 / source.shape[1])

    def pieces(ids):
        spelt.append(list(ids))
        return [f"piece {number}" for number in ids]

    model = SimpleNamespace(get_layer=lambda name: SimpleNamespace(attention=attention))
    outputs = SimpleNamespace(ids=[[11, 12, 3, 0]], subwords=SimpleNamespace(pieces=pieces))
    monkeypatch.setattr(figures, "BEGIN", 7)
    monkeypatch.setattr(figures, "END", 8)
    test = {"source": np.array([[21, 22, 3, 0]]), "text": ["two pieces"]}
    figures.attention(model, outputs, test, tmp_path)
    assert fed == [[[7, 11, 12]]]
    assert spelt == [[21, 22, 3], [11, 12, 8]]


@pytest.mark.slow
def test_learns_by_heart(tiny):
    """Thirty pairs, until greedy search gives the references back."""
    from pipelines.storage import arrays

    folder, spec, *_ = tiny
    train = arrays.read(folder / "train")
    keras.utils.set_random_seed(1)
    model = models.build(spec, "seq2seq", builder="seq2seq_attention", dropout=0.0)
    optimizer = LayerwiseAdam({}, 5e-3)
    optimizer.build(model.trainable_variables)  # or its step would be traced twice
    model.compile(optimizer, objective.loss(spec), jit_compile=False)
    inputs = {name: np.asarray(train[name]) for name in spec.inputs}
    model.fit(inputs, np.asarray(train["target_out"]), batch_size=30, epochs=150, verbose=0)
    rule = objective.fit_decision_rule(None, None, spec)
    found: Outputs = task.predict(model, train, spec, rule, assets=folder / "assets")
    assert score(found, train, spec, np.ones((1, 30)))["bleu"][0] > 95
    assert ops.shape(found.ids) == (30, 24)
