"""Sub-words and naive Bayes by hand, and what sets the Transformer apart from other classifiers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.svm import LinearSVC

import models
from models.layers import EncoderBlock, MaskedMeanPooling
from pipelines.classical import nb_svm
from pipelines.config.errors import UserError
from pipelines.preprocessing import tokenization, windows
from pipelines.tasks.text_classification.serve import GraphTokenizer
from tests.support.model_checks import text_spec

START = tokenization.WORD_START
SPEC = text_spec(words=(9, 12))
BUILD = {"builder": "transformer_classifier", "hidden_dim": 8, "num_heads": 2, "mlp_dim": 12}


def subwords(*vocabulary: str, lowercase: bool = True) -> tokenization.Tokenizer:
    return tokenization.Tokenizer(
        "subword", lowercase, tokenization.word_rules("length"), list(vocabulary), 30
    )


def pieces(tokenizer: tokenization.Tokenizer, text: str) -> list[str]:
    """The pieces of one text, "?" for unknown, from Python; the graph must say the same."""
    (ids,) = tokenizer.encode([text])
    (served,) = GraphTokenizer(tokenizer)(tf.constant([text])).numpy()
    np.testing.assert_array_equal(served, windows.pad([ids], tokenizer.max_tokens)[0])
    return ["?" if number == 1 else tokenizer.vocabulary[number - 2] for number in ids]


def test_merges_by_hand():
    """Of the pairs "_ a" and "a b", 5 times each, the later in the alphabet comes first; then
    "_a a" and "a b" stand 4 times each; "_a b" stands once, which is no pattern."""
    found = tokenization.byte_pairs({"aab": 4, "ab": 1}, 99)
    assert found == ["a", "b", START, f"{START}a", f"{START}aa", f"{START}aab"]
    assert tokenization.byte_pairs({"aab": 4, "ab": 1}, 4) == found[:4]


def test_merges_of_a_letter_with_itself():
    assert tokenization.merge(["a"] * 5, ("a", "a")) == ["aa", "aa", "a"]
    assert tokenization.byte_pairs({"aaaa": 3}, 99) == [
        "a",
        START,
        "aa",
        f"{START}aa",
        f"{START}aaaa",
    ]


def test_the_counts_of_merges_stay_right():
    """The same pieces as by counting everything anew before each merge."""
    rng = np.random.default_rng(3)
    words = {"".join(rng.choice(list("abc"), rng.integers(1, 9))): int(rng.integers(1, 5))
             for _ in range(60)}  # fmt: skip
    cut = {word: [START, *word] for word in words}
    slow = list(dict.fromkeys(tokenization.byte_pairs(words, 4)))
    while True:
        counts: dict[tuple, int] = {}
        for word, parts in cut.items():
            for pair in zip(parts, parts[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + words[word]
        best = max(counts, key=lambda pair: (counts[pair], pair), default=None)
        if best is None or counts[best] < 2 or len(slow) == 60:
            break
        slow += [] if "".join(best) in slow else ["".join(best)]
        cut = {word: tokenization.merge(parts, best) for word, parts in cut.items()}
    assert tokenization.byte_pairs(words, 60) == slow


def test_a_word_is_cut_into_the_longest_pieces_from_its_left():
    found = subwords(START, f"{START}un", "un", "h", "ha", "happ", "happy", "i", "ly", "y")
    assert pieces(found, "unhappily happy") == [f"{START}un", "happ", "i", "ly", START, "happy"]
    assert pieces(found, "UNun") == [f"{START}un", "un"]


def test_what_the_vocabulary_has_not_is_unknown_character_by_character():
    assert pieces(subwords(START, "a"), "ab\u00e9a") == [START, "a", "?", "?", "a"]
    assert pieces(subwords("z"), "ab") == ["?", "?", "?"]
    assert pieces(subwords("a"), "") == []


def test_pieces_that_mean_something_in_an_expression_are_taken_as_they_are():
    marks = ["\\1", "[^ ]", "(", ")", ".", "*", "+", "|", "$", "^", "{2}", "-", "\\", "#", "&", "~"]
    found = tokenization.Tokenizer("subword", False, [], [START, "a", *marks], 60)
    assert pieces(found, "a.a|a \\1( ^$ [^ ] {2}-*+ #&~) \\") == [
        *(START, "a", ".", "a", "|", "a", START, "\\1", "(", START, "^", "$", START, "?", "^"),
        *(START, "?", START, "{2}", "-", "*", "+", START, "#", "&", "~", ")", START, "\\"),
    ]


def test_the_mark_of_a_words_start_can_stand_in_a_text():
    found = subwords(START, f"{START}a", "a", START * 2)
    assert pieces(found, f"{START}a a{START}") == [
        *(START * 2, f"{START}a", f"{START}a", START * 2)
    ]


def test_lower_case_comes_before_cutting():
    found = tokenization.learn(
        ["ring RING ringing Ring\u0130", "\u0130RING"], "subword", True, 30, 40
    )
    assert pieces(found, "RING\u0130NG ring") == pieces(found, "ringi\u0307ng RING")
    assert "?" not in pieces(found, "RINGING")


def test_a_large_vocabulary_fits_the_graph():
    rng = np.random.default_rng(0)
    words = {
        "".join(rng.choice(list("abcdefghijklmno"), rng.integers(2, 12))) for _ in range(20000)
    }
    found = subwords(*sorted(words), *"abcdefghijklmno", START)
    assert found.size > 15000
    text = " ".join("".join(rng.choice(list("abcdefghijklmnopq"), 9)) for _ in range(30))
    assert len(pieces(tokenization.Tokenizer(**{**vars(found), "max_tokens": 400}), text)) > 60


def test_pieces_are_learned_from_what_is_given_and_no_more():
    texts = ["a good film", "a bad film", "good food"] * 3
    found = tokenization.learn(texts, "subword", True, 20, 8)
    assert found.size <= 20
    assert set("".join(found.vocabulary)) <= set("".join(texts)) - {" "} | {START}
    assert found.vocabulary == tokenization.learn(texts, "subword", True, 20, 8).vocabulary


def test_log_count_ratio_by_hand():
    """Counts plus one: own (3, 1, 2) of 6, others (1, 2, 2) of 5."""
    found = csr_matrix([[1, 0, 1], [1, 0, 0], [0, 1, 1]])
    ratio = nb_svm.log_count_ratio(found, np.array([True, True, False]), 1.0)
    np.testing.assert_allclose(ratio, np.log([3 / 6 * 5, 1 / 6 * 5 / 2, 2 / 6 * 5 / 2]))


TEXTS = ["good film", "good food", "very good", "bad film", "bad food", "very bad"]
TARGETS = np.array([1, 1, 1, 0, 0, 0])


def test_naive_bayes_svm_without_interpolation_is_a_machine_on_scaled_ngrams():
    found = CountVectorizer(binary=True).fit_transform(TEXTS)
    machine = nb_svm.NaiveBayesSVM(interpolation=1.0, random_state=1).fit(found, TARGETS)
    ratio = nb_svm.log_count_ratio(found, TARGETS == 1, 1.0)
    plain = LinearSVC(random_state=1).fit(found.multiply(ratio).tocsr(), TARGETS)
    expected = plain.decision_function(found.multiply(ratio).tocsr())
    np.testing.assert_allclose(machine.decision_function(found), expected)
    assert machine.predict(found).tolist() == TARGETS.tolist()


def test_naive_bayes_svm_all_the_way_to_naive_bayes_weighs_by_ratio():
    found = CountVectorizer(binary=True).fit_transform(TEXTS)
    machine = nb_svm.NaiveBayesSVM(interpolation=0.0, random_state=1).fit(found, TARGETS)
    ratio = nb_svm.log_count_ratio(found, TARGETS == 1, 1.0)
    told = np.flatnonzero(ratio)
    weights = machine.coef_[0]
    np.testing.assert_allclose(weights[told] / ratio[told], (weights[told] / ratio[told])[0])


def test_naive_bayes_svm_of_three_classes_holds_each_against_the_rest():
    found = CountVectorizer(binary=True).fit_transform([*TEXTS, "odd thing", "odd odd"])
    targets = np.array([*TARGETS, 2, 2])
    machine = nb_svm.NaiveBayesSVM(interpolation=1.0, random_state=1).fit(found, targets)
    assert machine.decision_function(found).shape == (8, 3)
    assert machine.predict(found).tolist() == targets.tolist()


def classifier(**changes) -> keras.Model:
    keras.utils.set_random_seed(1)
    return models.build(SPEC, "transformer_classifier", **{**BUILD, **changes})


def logits(model: keras.Model, ids) -> np.ndarray:
    return np.array(model({"words": np.array(ids, np.int32)}, training=False))


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_only_positions_tell_the_order_of_tokens(pooling):
    ids, moved = [[3, 5, 7, 9, 0, 0]], [[9, 3, 7, 5, 0, 0]]
    blind, sighted = (classifier(positions=on, pooling=pooling) for on in (False, True))
    np.testing.assert_allclose(logits(blind, ids), logits(blind, moved), atol=1e-6)
    assert np.abs(logits(sighted, ids) - logits(sighted, moved)).max() > 1e-3


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_any_length_gives_the_same_logits(pooling):
    """As short as the text or with room for 200 more tokens, alone or beside a longer text."""
    model = classifier(pooling=pooling)
    ids = np.array([[3, 5, 7, 9], [4, 6, 0, 0]], np.int32)
    roomy = np.pad(ids, ((0, 0), (0, 200)))
    np.testing.assert_allclose(logits(model, roomy), logits(model, ids), atol=1e-5)
    np.testing.assert_allclose(logits(model, ids[1:, :2]), logits(model, ids)[1:], atol=1e-5)


def test_attention_is_shared_out_among_real_tokens():
    block = EncoderBlock(2, 6, 0.0)
    x = np.random.default_rng(1).normal(size=(2, 5, 4)).astype(np.float32)
    real = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
    block(x, real)
    normed = block.norm_attention(x)
    _, shares = block.self_attention(
        normed, normed, attention_mask=real[:, None], return_attention_scores=True
    )
    shares = np.array(shares)  # (B, heads, T, S)
    np.testing.assert_allclose(shares.sum(axis=-1), 1, rtol=1e-5)
    assert (shares[0, :, :, 3:] == 0).all()
    assert (shares[1] > 0).all()


def test_mean_over_real_tokens_by_hand():
    features = np.array([[[2.0, 4], [4, 8], [90, 90]], [[1, 1], [1, 1], [1, 1]]], np.float32)
    ids = np.array([[5, 6, 0], [0, 0, 0]])
    np.testing.assert_array_equal(MaskedMeanPooling()(features, ids), [[3, 6], [0, 0]])


def test_an_unknown_pooling_is_refused():
    with pytest.raises(UserError) as error:
        classifier(pooling="median")
    assert error.value.code == "pooling-unknown"
    assert (error.value.key, error.value.value) == ("build.pooling", "median")
