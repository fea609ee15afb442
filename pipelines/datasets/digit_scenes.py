"""Scenes of handwritten digits with questions that must be counted, found and compared to answer.

The digits are real, see preparation/digit_scenes.py; how they are coloured and placed is drawn at
random, and the questions are written by a small grammar:

    how many digits are there?                 is there a red digit?       is there a seven?
    how many red digits are there?             which digit is red?         what colour is the seven?
    is the seven left of the two?              which digit is at the top?

(left of, right of, above and below; left, right, top and bottom). Where the answer is yes or no,
it is drawn first and the question is chosen to fit, so that the text gives nothing away. Nobody has
asked these questions, so what a model learns of them says little about how people ask.

`source` names the file that pins scikit-learn, whose version determines the digits.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import digit_scenes, visual_questions
from pipelines.preparation.digit_scenes import COLOURS, NAMES, Digit, Scene
from pipelines.preparation.labelled_images import Size
from pipelines.preparation.visual_questions import Question, QuestionedImages
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.image_decoding import Reader

APART = 8.0  # pixels by which two digits differ that are compared
# Relation -> the coordinate in which the first digit is smaller, times 1, or larger, times -1.
RELATIONS = {
    "left of": ("column", 1), "right of": ("column", -1), "above": ("row", 1), "below": ("row", -1),
}  # fmt: skip
EXTREMES = {
    "on the left": ("column", 1), "on the right": ("column", -1),
    "at the top": ("row", 1), "at the bottom": ("row", -1),
}  # fmt: skip
Digits = Annotated[int, Field(strict=True, ge=2, le=8)]
Asked = tuple[str, str] | None  # question and answer; None where the scene has none of the kind


class Scenes(BaseModel):
    """train, val, test: how many scenes."""

    model_config = STRICT
    train: Count = 3000
    val: Count = 300
    test: Count = 700


class Options(visual_questions.Options):
    """Beside those of all questions about images:

    Args:
        scenes: how many there are of each split.
        digits: of a scene, at least and at most.
    """

    size: Size = (digit_scenes.CANVAS, digit_scenes.CANVAS)
    max_tokens: Count = 12
    scenes: Scenes = Scenes()
    digits: Annotated[tuple[Digits, Digits], Field(strict=False)] = (2, 4)


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = Reader(*options.size, channels=3)
    return visual_questions.write(read(options, raw, reader, seed), out, reader, options, seed)


def read(options: Options, raw: Path, reader: Reader, seed: int) -> QuestionedImages:
    """All scenes and their questions; the digits of test are in no scene of train."""
    files, names, given, questions = [], [], [], []
    fewest, most = sorted(options.digits)
    for split, writer in digit_scenes.writers(seed).items():
        for number in range(getattr(options.scenes, split)):
            scene = writer.scene(int(writer.rng.integers(fewest, most + 1)))
            place = len(files)
            files.append(image_decoding.png(scene.image))
            names.append(f"{split}/{number}.png")
            given.append(split)
            questions += [Question(place, *asked) for asked in ask(scene, writer.rng)]
    images = [reader(data, name) for data, name in zip(files, names, strict=True)]
    return QuestionedImages(raw, images, files, names, np.array(given), questions)


def ask(scene: Scene, rng: np.random.Generator) -> list[tuple[str, str]]:
    """A question of each kind, and its answer, where the scene allows one."""
    every = [kind(scene.digits, rng) for kind in KINDS]
    return [asked for asked in every if asked is not None]


def _count(digits: tuple[Digit, ...], rng) -> Asked:
    return "how many digits are there?", str(len(digits))


def _count_colour(digits: tuple[Digit, ...], rng) -> Asked:
    """The number is drawn first, of those that some colour has."""
    counts = Counter(item.colour for item in digits)
    numbers = sorted({counts[colour] for colour in COLOURS})
    number = int(rng.choice(numbers))
    colour = rng.choice([colour for colour in COLOURS if counts[colour] == number])
    return f"how many {colour} digits are there?", str(number)


def _has_colour(digits: tuple[Digit, ...], rng) -> Asked:
    present = {item.colour for item in digits}
    return _exists("is there a {} digit?", present, [c for c in COLOURS if c not in present], rng)


def _has_digit(digits: tuple[Digit, ...], rng) -> Asked:
    present = {item.name for item in digits}
    absent = [name for name in NAMES if name not in present]
    question = _exists("is there a {}?", present, absent, rng)
    return question and (question[0].replace("a eight", "an eight"), question[1])


def _exists(form: str, present: set[str], absent: list[str], rng) -> Asked:
    """The answer is drawn first; where nothing is absent, there is no question."""
    if not absent:
        return None
    is_there = bool(rng.integers(2))
    return form.format(rng.choice(sorted(present) if is_there else absent)), _yes(is_there)


def _which_digit(digits: tuple[Digit, ...], rng) -> Asked:
    counts = Counter(item.colour for item in digits)
    single = [item for item in digits if counts[item.colour] == 1]
    if not single:
        return None
    item = single[rng.integers(len(single))]
    return f"which digit is {item.colour}?", str(item.digit)


def _which_colour(digits: tuple[Digit, ...], rng) -> Asked:
    item = digits[rng.integers(len(digits))]
    return f"what colour is the {item.name}?", item.colour


def _relation(digits: tuple[Digit, ...], rng) -> Asked:
    """Of two digits that are clearly apart in the direction of the question."""
    relation = str(rng.choice(list(RELATIONS)))
    axis, sign = RELATIONS[relation]
    pairs = [
        (first, second) for first in digits for second in digits
        if sign * (getattr(second, axis) - getattr(first, axis)) >= APART
    ]  # fmt: skip
    if not pairs:
        return None
    first, second = pairs[rng.integers(len(pairs))]
    is_so = bool(rng.integers(2))
    if not is_so:
        first, second = second, first
    return f"is the {first.name} {relation} the {second.name}?", _yes(is_so)


def _extreme(digits: tuple[Digit, ...], rng) -> Asked:
    """The outermost digit, where the next one is clearly further in."""
    place = str(rng.choice(list(EXTREMES)))
    axis, sign = EXTREMES[place]
    ordered = sorted(digits, key=lambda item: sign * getattr(item, axis))
    if sign * (getattr(ordered[1], axis) - getattr(ordered[0], axis)) < APART:
        return None
    return f"which digit is {place}?", str(ordered[0].digit)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


KINDS: tuple[Callable[[tuple[Digit, ...], np.random.Generator], Asked], ...] = (
    _count, _count_colour, _has_colour, _has_digit, _which_digit, _which_colour, _relation,
    _relation, _extreme,
)  # fmt: skip
