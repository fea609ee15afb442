"""Sentences about scenes of two digits, written by a small grammar, and read by the same.

    sentence   figure relation ground | figure is relation ground
               | there is figure relation ground | relation ground is figure
    figure, ground   a red seven | a seven in red
    relation   left of | to the left of | right of | to the right of | above | over | below | under

Either digit may be the figure, so a scene has 64 sentences that are true of it. Nobody has written
these about an image: what a model learns of them says little about how people describe what they
see. In return it is known exactly what is true of a scene, and a sentence can be checked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from pipelines.preparation.digit_scenes import COLOURS, NAMES, Scene

LEFT_OF, ABOVE = "left of", "above"
# What the figure is to the ground, by the relation that the first digit has to the second.
SYNONYMS = {LEFT_OF: ("left of", "to the left of"), ABOVE: ("above", "over")}
INVERSES = {LEFT_OF: ("right of", "to the right of"), ABOVE: ("below", "under")}
FRAMES = (
    "{figure} {relation} {ground}", "{figure} is {relation} {ground}",
    "there is {figure} {relation} {ground}", "{relation} {ground} is {figure}",
)  # fmt: skip
PHRASES = ("{article} {colour} {digit}", "{digit_article} {digit} in {colour}")
CLEAR = 6.0  # pixels by which the distance along one axis exceeds that along the other
KINDS = ("digit", "colour", "relation")  # of facts
COUNTS = np.array([2, 2, 1])  # how many of each kind a scene has

_COLOUR, _DIGIT = "|".join(COLOURS), "|".join(NAMES)
_OBJECT = re.compile(rf"\b(?:({_COLOUR}) ({_DIGIT})|({_DIGIT}) in ({_COLOUR}))\b")
_RELATION = re.compile(r"\b(left of|right of|above|over|below|under)\b")
ColouredDigit = tuple[str, str]  # colour and name


@dataclass(frozen=True)
class Statement:
    """What a sentence says: two digits, if it is whole, of which the first is left of or above
    the second, as `relation` says; None where there is no relation."""

    digits: tuple[ColouredDigit, ...]
    relation: str | None

    def __str__(self) -> str:
        """The shortest sentence that says it, without articles."""
        names = [" ".join(pair) for pair in self.digits]
        return f" {self.relation} ".join(names) if self.relation else " ".join(names)


def facts(scene: Scene) -> Statement | None:
    """What is true of a scene of two digits; None where they lie about diagonally."""
    first, second = scene.digits
    across, down = abs(first.column - second.column), abs(first.row - second.row)
    if abs(across - down) < CLEAR:
        return None
    relation = LEFT_OF if across > down else ABOVE
    ordered = sorted(scene.digits, key=lambda d: d.column if relation == LEFT_OF else d.row)
    return Statement(tuple((digit.colour, digit.name) for digit in ordered), relation)


def sentences(true: Statement) -> list[str]:
    """All that the grammar has for it."""
    first, second = ([_phrase(form, *pair) for form in PHRASES] for pair in true.digits)
    assert true.relation is not None
    sides = ((first, SYNONYMS[true.relation], second), (second, INVERSES[true.relation], first))
    return [
        frame.format(figure=figure, relation=relation, ground=ground)
        for figures, relations, grounds in sides
        for frame, figure, relation, ground in product(FRAMES, figures, relations, grounds)
    ]


def _phrase(form: str, colour: str, digit: str) -> str:
    return form.format(
        article="a", colour=colour, digit=digit,
        digit_article="an" if digit == "eight" else "a",
    )  # fmt: skip


def write(true: Statement, count: int, rng: np.random.Generator) -> list[str]:
    """So many different sentences, drawn at random."""
    every = sentences(true)
    return [every[number] for number in rng.choice(len(every), count, replace=False)]


def read(sentence: str) -> Statement:
    """What a sentence says, also of one that is not quite of the grammar: what can be read in it.

    A colour beside a digit, or behind it, is one of the digits; the first two count.
    """
    digits, starts = [], []
    for match in list(_OBJECT.finditer(sentence))[:2]:
        digits.append((match[1] or match[4], match[2] or match[3]))
        starts.append(match.start())
    word = _RELATION.search(sentence)
    if word is None or len(digits) < 2:
        return Statement(tuple(digits), None)
    if word.start() < starts[0]:  # the ground comes first
        digits.reverse()
    for relation, forms in INVERSES.items():
        if word[1] in forms:
            return Statement((digits[1], digits[0]), relation)
    relation = next(relation for relation, forms in SYNONYMS.items() if word[1] in forms)
    return Statement((digits[0], digits[1]), relation)


def right(true: Statement, stated: Statement) -> np.ndarray:
    """(3,) how many of the COUNTS facts of each of KINDS a statement has right.

    Its digits are compared with those of the scene in the order in which more is right; the
    relation is right if it holds between the digits that they are taken for.
    """
    straight = _matches(true.digits, stated.digits)
    crossed = _matches(true.digits[::-1], stated.digits)
    straight[2] = stated.relation == true.relation
    return max(straight, crossed, key=lambda counts: counts.sum())


def _matches(true: Sequence[ColouredDigit], stated: Sequence[ColouredDigit]) -> np.ndarray:
    pairs = list(zip(true, stated, strict=False))
    colours, names = (sum(a[n] == b[n] for a, b in pairs) for n in range(2))
    return np.array([names, colours, 0])


def held_out(rng: np.random.Generator) -> frozenset[ColouredDigit]:
    """Eight digits, each in one colour, two of each colour: combinations for the second part of
    test. Each digit and each colour is in train with others."""
    digits = rng.permutation(len(NAMES))[: 2 * len(COLOURS)].tolist()
    return frozenset(zip(2 * list(COLOURS), (NAMES[digit] for digit in digits), strict=True))
