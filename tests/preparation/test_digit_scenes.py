"""Scenes of digits: none is in two splits, and a second reading of a scene gives the answers."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from pipelines.datasets import digit_scenes as recipe
from pipelines.preparation import digit_scenes
from pipelines.preparation.digit_scenes import COLOURS, NAMES, Scene

RELATIONS = {
    "left of": lambda a, b: a.column < b.column, "right of": lambda a, b: a.column > b.column,
    "above": lambda a, b: a.row < b.row, "below": lambda a, b: a.row > b.row,
}  # fmt: skip
ENDS = {
    "on the left": lambda d: d.column, "on the right": lambda d: -d.column,
    "at the top": lambda d: d.row, "at the bottom": lambda d: -d.row,
}  # fmt: skip


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Scene, list[tuple[str, str]]]]:
    writer = digit_scenes.writers(1)["train"]
    drawn = [writer.scene(2 + number % 3) for number in range(400)]
    return [(scene, recipe.ask(scene, writer.rng)) for scene in drawn]


def answer(scene: Scene, question: str) -> str:
    """By the words of the question alone."""
    named = {digit.name: digit for digit in scene.digits}
    words = question.rstrip("?").split()
    colour = next((word for word in words if word in COLOURS), None)
    found = [digit for digit in scene.digits if digit.colour == colour]
    if question.startswith("how many"):
        return str(len(found if colour else scene.digits))
    if question.startswith("what colour"):
        return named[words[-1]].colour
    if question.startswith("which digit"):
        place = next((place for place in ENDS if place in question), None)
        digit = min(scene.digits, key=ENDS[place]) if place else found[0]
        return str(digit.digit)
    if question.startswith("is there"):
        is_so = bool(found) if colour else words[-1] in named
    else:
        relation = next(relation for relation in RELATIONS if relation in question)
        is_so = RELATIONS[relation](named[words[2]], named[words[-1]])
    return "yes" if is_so else "no"


def test_every_answer_is_right(scenes):
    for scene, asked in scenes:
        for question, given in asked:
            assert given == answer(scene, question), question


def test_yes_and_no_are_equally_frequent_for_each_form(scenes):
    counts = defaultdict(Counter)
    for _, asked in scenes:
        for question, given in asked:
            if given in ("yes", "no"):
                form = re.sub("|".join((*NAMES, *COLOURS)), "", question)
                counts[form][given] += 1
    forms = [count for count in counts.values() if count.total() > 100]
    assert len(forms) >= 5
    for count in forms:  # four standard deviations
        assert abs(count["yes"] / count.total() - 0.5) < 2 / np.sqrt(count.total())


def test_digits_are_drawn_in_their_colour_where_they_are_said_to_be(scenes):
    for scene, _ in scenes[:50]:
        assert scene.image.shape == (digit_scenes.CANVAS,) * 2 + (3,)
        ink = np.abs(scene.image.astype(int) - digit_scenes.GROUND).max(axis=2) > 0
        for digit in scene.digits:
            top, left = int(digit.row - 4), int(digit.column - 4)
            part = scene.image[top : top + 8, left : left + 8].reshape(-1, 3)
            strongest = part[np.abs(part.astype(int) - digit_scenes.GROUND).sum(axis=1).argmax()]
            distance = {c: np.abs(strongest - np.array(rgb)).sum() for c, rgb in COLOURS.items()}
            assert min(distance, key=distance.get) == digit.colour
            ink[top : top + 8, left : left + 8] = False
        assert not ink.any()


def test_no_handwritten_digit_is_in_two_splits():
    writers = digit_scenes.writers(1)
    seen = {
        split: {image.tobytes() for image in writer.images} for split, writer in writers.items()
    }
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["val"]
    assert sum(len(writer.images) for writer in writers.values()) == 1797
