"""Word pieces: by hand, and tensorflow_text, which serves, against the Python that prepares."""

import sys
import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from pipelines.preprocessing import wordpiece
from pipelines.preprocessing.wordpiece import WordPieces
from pipelines.tasks.text_classification.graph_wordpieces import GraphWordPieces
from tests.support.encoders import VOCABULARY
from tests.support.sizes import FULL, SHARE

LETTERS = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")]
# Letters and signs of many scripts, so that few characters are unknown as such.
WIDE = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]"), *LETTERS, "ab", "##cd", "A", "É", "##é", "##e\u0301",
    *"0123456789.,!?'$%()[]", *"日本語한ᄒдψלع", "##д", "##ψ", "##1", "\ufffd", "##\ufffd",
    *("¨", "ß", "ss"),
]  # fmt: skip
AWKWARD = {
    "control": "".join(map(chr, [*range(32), *range(127, 160)])),
    "zero width": "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u034f\ufe0f\ufe0e\U000e0101",
    "combining": "e\u0301a\u0308\u0327o\u0302\u20dd\u0903\u093f\u1ab0\u3099",
    "spaces": " \t\n\r\v\f\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u0085",
    "emoji": "\U0001f600\U0001f44d\U0001f3fd\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1eb",
    "replacement": "\ufffd\ufffc\ufffe\uffff\U0010ffff\ue000\U000f0000",
    "cased": "İIıßẞſﬁǅΩÅΣςἈᾳǰŉ\U00010400Ⅷ①ａＺ²½™℃㎏",
    "hangul": "한글ㄱᄀ가ᅟᅠㅤﾠ",
    "cjk": "日本語。、「」\u3400\U00020000\uf900豈",
    "signs": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~§¶·¿–—…‰′€£¥",
    "new": "\u1c89\u1c8a\ua7cb\U00010d50\U0001e030\U00016d40\U0001ccd6\u0378",
}


def ids_of_graph(tokenizer: WordPieces, texts) -> list[list[int]]:
    graph = GraphWordPieces(tokenizer)
    rows = graph(tf.constant(texts)).numpy()
    return [row[: np.flatnonzero(row)[-1] + 1].tolist() for row in rows]


def random_texts(seed: int, count: int) -> list[str]:
    rng = np.random.default_rng(seed)
    pools = [*AWKWARD.values(), "abcdefgh ABCÉé", "abcd"]

    def character() -> str:
        if rng.random() < 0.1:
            code = int(rng.integers(sys.maxunicode + 1))
            return "x" if 0xD800 <= code < 0xE000 else chr(code)
        pool = pools[rng.integers(len(pools))]
        return pool[rng.integers(len(pool))]

    return ["".join(character() for _ in range(rng.integers(60))) for _ in range(count)]


def test_a_word_is_split_from_the_left_into_the_longest_pieces():
    tokenizer = WordPieces(VOCABULARY, True, 20)
    (ids,) = tokenizer.encode(["Unbelievables, CAFÉ 日本 qqq!"])
    assert [VOCABULARY[number] for number in ids] == [
        *("[CLS]", "un", "##believ", "##able", "##s", ",", "caf", "##e", "日", "本"),
        *("[UNK]", "!", "[SEP]"),
    ]


def test_case_and_accents_stay_where_the_vocabulary_has_them():
    tokenizer = WordPieces(WIDE, False, 20)
    (ids,) = tokenizer.encode(["É Aé"])
    assert [WIDE[number] for number in ids] == ["[CLS]", "É", "A", "##é", "[SEP]"]


@pytest.mark.parametrize("length", [3, 4, 5, 6, 7])
def test_a_long_text_ends_in_its_separator(length):
    tokenizer = WordPieces(VOCABULARY, True, length)
    (ids,) = tokenizer.encode(["win cash now !"])
    cut = tokenizer.cut(ids)
    assert len(cut) == min(length, 6) and cut[0] == 2 and cut[-1] == 3
    assert ids_of_graph(tokenizer, ["win cash now !"]) == [cut]


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_characters_alone_and_between_letters(name, lowercase):
    tokenizer = WordPieces(WIDE, lowercase, 1000)
    pool = AWKWARD[name]
    texts = [*pool, *(f"ab{c}cd" for c in pool), pool, f"ab {pool} cd", pool[::-1], ""]
    assert ids_of_graph(tokenizer, texts) == tokenizer.encode(texts)


@pytest.mark.parametrize("lowercase", [True, False])
def test_random_texts(lowercase):
    tokenizer = WordPieces(WIDE, lowercase, 1000)
    texts = random_texts(7, 1500)
    assert ids_of_graph(tokenizer, texts) == tokenizer.encode(texts)


@pytest.mark.parametrize(
    "word", ["a" * 99, "a" * 100, "a" * 101, "é" * 100, "д" * 50, "д" * 51, "日" * 200]
)
def test_a_word_of_many_bytes_is_unknown(word):
    tokenizer = WordPieces(WIDE, True, 1000)
    assert ids_of_graph(tokenizer, [word, f"a {word}!"]) == tokenizer.encode([word, f"a {word}!"])


def test_bytes_that_are_not_utf8_become_the_replacement_character():
    tokenizer = WordPieces(WIDE, True, 100)
    texts = [b"ab\xff cd", b"\xed\xa0\x80", b"\xf4\x90\x80\x80ab", b"\xe6\x97"]
    decoded = [
        tf.strings.unicode_transcode(t, "UTF-8", "UTF-8").numpy().decode() for t in texts
    ]  # fmt: skip
    assert ids_of_graph(tokenizer, texts) == tokenizer.encode(decoded)


IDEOGRAPHS = 0x3400  # the first of them; all other scripts in use are before it


@pytest.mark.slow
@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("frame", ["{}", "ab{}cd"])
def test_every_code_point(frame, lowercase):
    tokenizer = WordPieces(WIDE, lowercase, 100)
    # From CJK ideographs on, neighbours are of one kind: at every change one in ten of those.
    codes = [*range(IDEOGRAPHS), *range(IDEOGRAPHS, sys.maxunicode + 1, 1 if FULL else SHARE)]
    codes = [code for code in codes if not 0xD800 <= code < 0xE000]
    for start in range(0, len(codes), 1 << 18):
        texts = [frame.format(chr(code)) for code in codes[start : start + (1 << 18)]]
        served, prepared = ids_of_graph(tokenizer, texts), tokenizer.encode(texts)
        different = [t for t, a, b in zip(texts, served, prepared, strict=True) if a != b]
        assert different == []


def test_the_expression_matches_what_python_has_no_name_for():
    import re

    pattern = re.compile(wordpiece.unassigned())
    for code in range(0, sys.maxunicode + 1, 97):
        character = chr(code)
        assert bool(pattern.fullmatch(character)) == (unicodedata.category(character) == "Cn")


def test_a_saved_vocabulary_is_the_same(tmp_path):
    tokenizer = WordPieces(WIDE, True, 9)
    tokenizer.save(tmp_path / "pieces.json")
    assert WordPieces.load(tmp_path / "pieces.json") == tokenizer


def test_words_of_pieces():
    graph = GraphWordPieces(WordPieces(VOCABULARY, True, 7))
    ids, words, numbers = graph.with_words(
        tf.constant(["Unbelievable Café!", "", "qq  win", "bus"])
    )
    assert words.to_list() == [
        [b"Unbelievable", "Café".encode(), b"!"], [], [b"qq", b"win"], [b"bus"],
    ]  # fmt: skip
    assert numbers.numpy().tolist() == [
        [-1, 0, 0, 0, 1, 1, -1], [-1, -1, -1, -1, -1, -1, -1], [-1, 0, 1, -1, -1, -1, -1],
        [-1, 0, -1, -1, -1, -1, -1],
    ]  # fmt: skip
    assert ids.shape == numbers.shape
