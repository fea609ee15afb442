"""Texts to ids: by hand, and the graph that serves against the Python that prepares."""

import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from pipelines.preprocessing import tokenization, windows
from pipelines.tasks.text_classification.serve import GraphTokenizer

# Capitals that Unicode 14 added; TensorFlow's tables are those of Unicode 13.
NEW_CAPITALS = {*"\u2c2f\ua7c0\ua7d0\ua7d6\ua7d8", *map(chr, range(0x10570, 0x10596))}
POOLS = {
    "latin": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digits": "0123456789\u0660\u0967\uff11\u00b2\u00bd\u2167",
    "signs": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u00a1\u00ab\u00d7\u00f7\u2013\u2014\u2026\u201c",
    "currency": "$\u00a2\u00a3\u00a5\u20ac\u20b9\u20bf\uff04",
    "space": " \t\n\r\v\f\u00a0\u1680\u2000\u2003\u2009\u200b\u2028\u2029\u202f\u205f\u3000\u0085",
    "control": "".join(map(chr, [*range(1, 32), *range(127, 160)])) + "\ufeff\u200e\u00ad",
    "combining": "\u0301\u0300\u0308\u0327\u0307\u0345\u20e3\ufe0f\u200d",
    "emoji": "\U0001f600\U0001f44d\U0001f3fd\u2764\U0001f468\U0001f469\U0001f1eb\U0001f1f7\u2b50",
    "cjk": "\u65e5\u672c\u8a9e\u4e2d\u6587\ud55c\uae00\u3042\u30ab\u3002\uff0c\U00020000",
    "greek": "\u03a3\u03a3\u03a3\u03c3\u03c2\u0391\u039f\u03b4\u0386'.\u00ad ",
    "turkish": "\u0130I\u0131i\u011e\u015e\u0307",
    "cased": "\u1e9e\u00df\ufb01\u01c5\u2126\u212a\uff21\u0410\u0531\u10a0\u13a0\u1c90\U00010400",
    "scripts": "\u0639\u0631\u0628\u05e2\u05d1\u0939\u093f\u0928\u0e44\u0e17\u0e22\u1019",
}
GEORGIAN = "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u10d9\u10d0\u10ea\u10dd"
KINDS = [
    (unit, lowercase) for unit in ("word", "subword", "character") for lowercase in (True, False)
]


def any_character(rng) -> str:
    while True:
        character = chr(rng.integers(1, sys.maxunicode + 1))
        kind = unicodedata.category(character)  # Cs: surrogates; Cn, Co: not assigned, private
        rare = kind in ("Cn", "Co") and rng.random() < 0.99
        if kind != "Cs" and not rare and character not in NEW_CAPITALS:
            return character


def random_text(rng) -> str:
    names = rng.choice(list(POOLS), rng.integers(1, 5))
    length = int(rng.choice([0, 1, 3, 20, 80]))
    found = []
    for _ in range(length):
        pool = POOLS[str(rng.choice(names))]
        found.append(any_character(rng) if rng.random() < 0.05 else pool[rng.integers(len(pool))])
    return "".join(found)


def random_texts(seed: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [random_text(rng) for _ in range(count)]


def in_graph(tokenizer: tokenization.Tokenizer, texts: list[str]) -> np.ndarray:
    return GraphTokenizer(tokenizer)(tf.constant(texts, tf.string)).numpy()


def in_python(tokenizer: tokenization.Tokenizer, texts: list[str]) -> np.ndarray:
    return windows.pad(tokenizer.encode(texts), tokenizer.max_tokens)


def assert_same(tokenizer: tokenization.Tokenizer, texts: list[str]) -> None:
    expected, found = in_python(tokenizer, texts), in_graph(tokenizer, texts)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    for text, one, other in zip(texts, expected.tolist(), found.tolist(), strict=True):
        assert one == other, ascii(text)


@pytest.mark.parametrize(("unit", "lowercase"), KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_graph_gives_the_ids_of_python(unit, lowercase, seed):
    texts = random_texts(seed, 400)
    whole = tokenization.learn(texts, unit, lowercase, 10**6, 100)
    assert_same(whole, texts)
    # A small vocabulary, short rows, and texts that it was not learned from.
    small = tokenization.learn(texts[:200], unit, lowercase, 60, 7)
    assert_same(small, texts)
    assert (in_python(small, texts) == tokenization.UNKNOWN).any()


@pytest.mark.parametrize(("unit", "lowercase"), KINDS)
def test_the_graph_gives_the_ids_of_python_for_hand_picked_texts(unit, lowercase):
    texts = [
        "", " ", "\u00a0", "\r\n", "\ufeffhello", "hello\ufeff", "a\r\nb\rc\n", "\u200b\u200b",
        "\u039f\u0394\u039f\u03a3 \u039f\u0394\u039f\u03a3. \u03a3",
        "\u0391\u03a3'\u0391 \u0391\u03a3\u0301",
        "\u0130stanbul I\u011eDIR \u0131", "e\u0301 \u00c9 E\u0301", "\u00a31,340!!! 0909-8790188",
        "\U0001f468\u200d\U0001f469 \U0001f44d\U0001f3fd \U0001f1eb\U0001f1f7 1\ufe0f\u20e3",
        "\u65e5\u672c\u8a9e\u3002\u4e2d\u6587\uff0c", "tab\tand\x0bmore\x0cfeeds",
        "\x1c\x1d\x1e\x1f\x85", "\ufffd \uffff \U0010ffff", "\\1 \\0 $1 (a|b)* [^x]",
        "word " * 5000, "x" * 100_000, "0" * 50_000,
    ]  # fmt: skip
    assert_same(tokenization.learn(texts, unit, lowercase, 10**6, 200), texts)


@pytest.mark.parametrize("lowercase", [False, True])
def test_the_graph_reads_on_after_a_nul_character(lowercase):
    texts = ["a\0b c\0", "\0"]
    assert_same(tokenization.learn(texts, "word", lowercase, 100, 8), texts)


def test_the_graph_takes_an_empty_batch():
    tokenizer = tokenization.learn(["a b c"], "word", True, 10, 4)
    assert in_graph(tokenizer, []).shape == (0, 4)


def test_lower_case_differs_from_python_in_new_capitals_only():
    """Every letter that has a lower case, alone and inside a word."""
    capitals = [c for c in map(chr, range(sys.maxunicode + 1)) if c.lower() != c]
    assert len(capitals) > 1300
    texts = [text for c in capitals for text in (c, f"a{c}b", f"{c}.{c}")]
    tokenizer = tokenization.learn(texts, "character", True, 10**6, 8)
    different = (in_python(tokenizer, texts) != in_graph(tokenizer, texts)).any(axis=1)
    assert {capitals[row // 3] for row in np.flatnonzero(different)} <= NEW_CAPITALS


def test_bytes_that_are_not_utf8_are_read_as_replacement_characters():
    tokenizer = tokenization.learn(["a\ufffdb c"], "word", True, 100, 4)
    found = GraphTokenizer(tokenizer)(tf.constant([b"a\xffb c", "a\ufffdb c".encode()])).numpy()
    assert found[0].tolist() == found[1].tolist()
    assert tokenization.UNKNOWN not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call me!!", ["call", "me", "!", "!"]),
        ("\u00a31,340 off", ["\u00a3", "0", ",", "000", "off"]),
        ("0909 8790188", ["0000", "0000000"]),
        ("win2day", ["win", "0", "day"]),
        ("it's\u00a0a\u2003b\r\n", ["it", "'", "s", "a", "b"]),
        ("ok\U0001f44d\U0001f3fd", ["ok", "\U0001f44d", "\U0001f3fd"]),
        ("caf\u00e9 cafe\u0301", ["caf\u00e9", "cafe\u0301"]),
        ("\u65e5\u672c\u3002", ["\u65e5\u672c", "\u3002"]),
        (GEORGIAN, GEORGIAN.split()),
        ("  ", []),
        ("", []),
    ],
)
def test_words(text, expected):
    assert tokenization.split("word", True, tokenization.word_rules("length"), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8/10", ["8", "/", "10"]),
        ("\u00a31,340 off", ["\u00a3", "1", ",", "340", "off"]),
        ("win2day", ["win", "2", "day"]),
    ],
)
def test_words_with_the_value_of_numbers(text, expected):
    assert tokenization.split("word", True, tokenization.word_rules("value"), text) == expected


def test_the_graph_reads_the_value_of_numbers_as_well():
    texts = ["8/10, then 10/10", "1,340", "\u0660 7\uff11 12ab34", *random_texts(7, 200)]
    tokenizer = tokenization.learn(texts, "word", True, 2000, 40, "value")
    assert {"8", "10", "1", "340"} <= set(tokenizer.vocabulary)
    np.testing.assert_array_equal(in_python(tokenizer, texts), in_graph(tokenizer, texts))


def test_characters():
    rules = tokenization.CHARACTER_RULES
    assert tokenization.split("character", True, rules, "Ab \t\n1!") == ["a", "b", " ", "1", "!"]
    assert tokenization.split("character", False, rules, "Dog") == ["D", "o", "g"]


def test_the_vocabulary_is_by_frequency_then_alphabet():
    texts = ["b b b a c", "c a d"]
    tokenizer = tokenization.learn(texts, "word", True, 5, 4)
    assert tokenizer.vocabulary == ["b", "a", "c"]
    assert tokenizer.size == 5
    assert tokenizer.encode(["a b c d e", ""]) == [[3, 2, 4, 1, 1], []]
    assert tokenization.learn(reversed(texts), "word", True, 5, 4) == tokenizer


def test_the_quick_brown_fox_is_nine_words():
    text = "The quick brown fox jumps over the lazy dog"
    words = tokenization.split("word", True, tokenization.word_rules("length"), text)
    assert words == text.lower().split() and len(words) == 9


def test_capitals_make_two_words_unless_they_are_read_as_small_letters():
    """The course's example: The, Cat, Sat, on, the and mat have six numbers."""
    text = "The Cat Sat on the mat"
    for lowercase, count in ((False, 6), (True, 5)):
        tokenizer = tokenization.learn([text], "word", lowercase, 100, 10)
        (ids,) = tokenizer.encode([text])
        assert len(ids) == 6 and len(set(ids)) == count


@pytest.mark.parametrize(("unit", "lowercase"), KINDS)
def test_a_saved_tokenizer_reads_as_the_same(tmp_path, unit, lowercase):
    texts = random_texts(9, 100)
    tokenizer = tokenization.learn(texts, unit, lowercase, 500, 20)
    tokenizer.save(tmp_path / "words.json")
    loaded = tokenization.Tokenizer.load(tmp_path / "words.json")
    assert loaded == tokenizer
    assert loaded.encode(texts) == tokenizer.encode(texts)


@pytest.mark.slow
def test_lower_case_does_not_depend_on_the_servers_locale(tmp_path):
    tokenizer = tokenization.learn(["IZMIR Izmir \u0130zmir"], "word", True, 100, 8)
    tokenizer.save(tmp_path / "words.json")
    code = f"""
from pathlib import Path
from pipelines.tasks.text_classification.serve import GraphTokenizer
from pipelines.preprocessing.tokenization import Tokenizer
tokenizer = Tokenizer.load(Path({str(tmp_path / "words.json")!r}))
print(GraphTokenizer(tokenizer)(["IZMIR Izmir \u0130zmir"]).numpy().tolist())
"""
    environ = {**os.environ, "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    expected = windows.pad(tokenizer.encode(["IZMIR Izmir \u0130zmir"]), 8).tolist()
    assert done.stdout.strip() == str(expected)
