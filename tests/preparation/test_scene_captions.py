"""Sentences about scenes: all are true, all can be read, and some combinations are held out."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.datasets import digit_scene_captions as recipe
from pipelines.preparation import scene_captions as grammar
from pipelines.preparation.digit_scenes import COLOURS, NAMES, Digit, Scene
from pipelines.preparation.scene_captions import Statement
from pipelines.preprocessing.image_decoding import Reader

TRUE = Statement((("red", "eight"), ("blue", "two")), "above")
SCENES = recipe.Scenes(train=60, val=10, test=20, held_out=20)


@pytest.fixture(scope="module")
def data():
    options = recipe.Options(scenes=SCENES)
    return recipe.read(options, Path("scenes"), Reader(40, 40, 3), seed=1)


@pytest.mark.parametrize("relation", ["above", "left of"])
def test_the_grammar_has_64_sentences_and_reads_all_of_them(relation):
    true = Statement(TRUE.digits, relation)
    sentences = grammar.sentences(true)
    assert len(set(sentences)) == 64
    assert "there is an eight in red" in " | ".join(sentences)
    for sentence in (*sentences, str(true)):
        assert grammar.read(sentence) == true, sentence


@pytest.mark.parametrize(
    ("sentence", "right"),
    [
        ("a red eight over a blue two", [2, 2, 1]),
        ("a red eight below a blue two", [2, 2, 0]),
        ("a red eight left of a blue two", [2, 2, 0]),
        ("below a red six is a green two", [1, 1, 1]),
        ("a blue eight above a red two", [2, 0, 1]),
        ("a blue two", [1, 1, 0]),
        ("a red red above", [0, 0, 0]),
        ("", [0, 0, 0]),
    ],
)
def test_facts_are_counted(sentence, right):
    np.testing.assert_array_equal(grammar.right(TRUE, grammar.read(sentence)), right)


def test_facts_follow_the_places():
    def scene(*places) -> Scene:
        named = zip((7, 2), ("red", "blue"), places, strict=True)
        return Scene(np.zeros(1), tuple(Digit(d, c, *place) for d, c, place in named))

    seven, two = ("red", "seven"), ("blue", "two")
    assert grammar.facts(scene((5, 5), (6, 25))) == Statement((seven, two), "left of")
    assert grammar.facts(scene((25, 5), (6, 8))) == Statement((two, seven), "above")
    assert grammar.facts(scene((5, 5), (25, 25))) is None


def test_five_different_true_sentences_of_each_scene(data):
    for captions, truth in zip(data.captions, data.of_test["facts"], strict=True):
        assert len(set(captions)) == 5
        assert {str(grammar.read(caption)) for caption in captions} == {truth}


def test_held_out_combinations_are_in_the_second_part_of_test_alone(data):
    digits = [set(grammar.read(truth).digits) for truth in data.of_test["facts"]]
    held_out = np.array(data.of_test["held_out"])
    assert held_out.sum() == 20 and set(data.given_splits[held_out]) == {"test"}
    others = grammar.held_out(np.random.default_rng([1, 0]))
    assert len(others) == 8 == len({digit for _, digit in others})
    for those, is_held_out in zip(digits, held_out, strict=True):
        assert bool(those & others) == is_held_out
    seen = set().union(*(those for those, part in zip(digits, held_out, strict=True) if not part))
    assert {colour for colour, _ in seen} == set(COLOURS)
    assert {digit for _, digit in seen} == set(NAMES)


def test_the_same_seed_gives_the_same_scenes(data):
    options = recipe.Options(scenes=SCENES)
    again = recipe.read(options, Path("scenes"), Reader(40, 40, 3), seed=1)
    other = recipe.read(options, Path("scenes"), Reader(40, 40, 3), seed=2)
    assert again.files == data.files and again.captions == data.captions
    assert other.files != data.files
