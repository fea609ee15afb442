"""Copies and near-copies: the quick search finds exactly what comparing all pairs finds."""

import re
from itertools import combinations

import numpy as np
import pytest

from pipelines.preprocessing import near_duplicates

LETTERS = "abcdefghijklmnopqrstuvwxyz"  # words without digits: those count as equal
VOCABULARY = [f"word{a}{b}" for a in LETTERS[:10] for b in LETTERS[:6]] + [
    "!",
    "?",
    "caf\u00e9",
    "\u00a3",
    "you",
    "the",
]


def texts_with_variants(seed: int, count: int) -> list[str]:
    """Random texts, and variants of them with words changed, dropped, added, repeated, in order."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(VOCABULARY) + 1)
    texts: list[list[str]] = []
    while len(texts) < count:
        if texts and rng.random() < 0.6:
            words = list(texts[rng.integers(len(texts))])
            for _ in range(rng.integers(0, 4)):
                place, word = rng.integers(len(words)), str(rng.choice(VOCABULARY))
                words[place : place + rng.integers(0, 2)] = [word] * rng.integers(0, 2)
                words = words or [word]
            if rng.random() < 0.3:
                rng.shuffle(words)
        else:
            size = int(rng.integers(1, 16))
            words = rng.choice(VOCABULARY, size, p=weights / weights.sum()).tolist()
        texts.append(words)
    return [" ".join(words) for words in texts]


def all_pairs(texts: list[str], near: float) -> set[tuple[int, int]]:
    """The pairs of rows in one group, by comparing all texts and following all chains."""
    words = [set(re.findall(r"\w+|[^\w\s]", text.casefold())) for text in texts]
    group = list(range(len(texts)))
    for one, other in combinations(range(len(texts)), 2):
        common, union = len(words[one] & words[other]), len(words[one] | words[other])
        if common * 1000 >= round(near * 1000) * union:
            old, new = group[other], group[one]
            group = [new if number == old else number for number in group]
    return pairs(group)


def pairs(groups) -> set[tuple[int, int]]:
    rows = range(len(groups))
    return {(a, b) for a, b in combinations(rows, 2) if groups[a] == groups[b]}


@pytest.mark.parametrize("near", [0.5, 0.7, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_near_groups_are_those_of_comparing_all_pairs(seed, near):
    texts = texts_with_variants(seed, 300)
    expected = all_pairs(texts, near)
    assert 20 < len(expected) < 44850
    assert pairs(near_duplicates.group_near_duplicates(texts, near).tolist()) == expected


def long_texts(seed: int, count: int) -> list[str]:
    """Texts of 10 to 150 words; half of them are an earlier one with up to half its words new."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, 601)
    words = [f"{a}{b}{c}" for a in LETTERS[:6] for b in LETTERS[:10] for c in LETTERS[:10]]
    texts: list[list[str]] = []
    while len(texts) < count:
        size = int(rng.integers(10, 151))
        drawn = rng.choice(words, size, p=weights / weights.sum()).tolist()
        if texts and rng.random() < 0.5:
            old = texts[rng.integers(len(texts))]
            new = round(len(old) * rng.uniform(0, 0.5))
            drawn = drawn[:new] + old[rng.integers(0, new + 1) :]
        texts.append(drawn)
    return [" ".join(own) for own in texts]


@pytest.mark.parametrize("near", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_near_groups_of_long_texts_are_those_of_comparing_all_pairs(seed, near):
    texts = long_texts(seed, 250)
    expected = all_pairs(texts, near)
    assert 10 < len(expected) < 31125
    assert pairs(near_duplicates.group_near_duplicates(texts, near).tolist()) == expected


def test_groups_do_not_depend_on_the_order_of_texts():
    texts = texts_with_variants(7, 300)
    order = np.random.default_rng(0).permutation(300)
    groups = near_duplicates.group_near_duplicates(texts)
    shuffled = np.empty(300, np.int64)
    shuffled[order] = near_duplicates.group_near_duplicates([texts[row] for row in order])
    assert pairs(groups.tolist()) == pairs(shuffled.tolist())


def test_a_pair_at_exactly_the_limit_is_near():
    ten = list(LETTERS[:10])
    seven, six = " ".join(ten[:7]), " ".join(ten[:6])
    assert len(set(near_duplicates.group_near_duplicates([" ".join(ten), seven], 0.7))) == 1
    assert len(set(near_duplicates.group_near_duplicates([" ".join(ten), six], 0.7))) == 2


def test_chains_of_near_copies_are_one_group():
    words = list(LETTERS[:20])
    texts = [" ".join(words[n : n + 12]) for n in range(8)]
    assert len(set(near_duplicates.group_near_duplicates([texts[0], texts[7]]))) == 2
    assert len(set(near_duplicates.group_near_duplicates(texts))) == 1


def test_one_message_with_two_numbers_is_two_near_copies():
    texts = ["You won £1000, call 09061234567 now", "You won £2500, call 09069876543 now"]
    assert len(set(near_duplicates.group_near_duplicates(texts).tolist())) == 1
    assert near_duplicates.fingerprint(texts[0]) != near_duplicates.fingerprint(texts[1])


def test_group_numbers_count_from_zero():
    groups = near_duplicates.group_near_duplicates(["a b", "c d", "A  b", "e f"])
    assert sorted(set(groups.tolist())) == [0, 1, 2]
    assert groups[0] == groups[2]
    assert near_duplicates.group_near_duplicates([]).tolist() == []
    assert len(set(near_duplicates.group_near_duplicates(["", " ", "\n"]).tolist())) == 1


@pytest.mark.parametrize(
    "other", ["Hello  World", " hello world\n", "HELLO\u00a0\tWORLD", "hello\r\nworld"]
)
def test_copies_differ_in_case_and_white_space(other):
    assert near_duplicates.fingerprint(other) == near_duplicates.fingerprint("hello world")


@pytest.mark.parametrize("other", ["hello world!", "helloworld", "h\u00e9llo world", "world hello"])
def test_other_texts_are_no_copies(other):
    assert near_duplicates.fingerprint(other) != near_duplicates.fingerprint("hello world")


def test_a_fingerprint_is_its_own_fingerprint():
    for text in ["Stra\u00dfe  \u0130I\u03a3", "\ufb01ne \u1e9e", *texts_with_variants(3, 50)]:
        once = near_duplicates.fingerprint(text)
        assert near_duplicates.fingerprint(once) == once
    assert near_duplicates.fingerprint("STRASSE") == near_duplicates.fingerprint("stra\u00dfe")
