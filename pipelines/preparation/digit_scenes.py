"""Scenes of real handwritten digits, coloured and placed on a dark ground, and what is in them.

The digits are the 1,797 of scikit-learn (8 x 8 pixels, of 43 writers; Alpaydin and Kaynak, "Optical
Recognition of Handwritten Digits", 1998, https://doi.org/10.24432/C50P49). Those of the scenes of
one split are in no other. All digits of a scene differ, and no two overlap.
"""

from dataclasses import dataclass

import numpy as np

SIDE, GRID = 8, 4  # pixels of a digit; a scene has GRID x GRID places
CANVAS = GRID * SIDE + 8  # pixels of a scene's side
COLOURS = {
    "red": (230, 60, 50), "green": (70, 190, 80), "blue": (80, 120, 245), "yellow": (235, 215, 60),
}  # fmt: skip
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GROUND = 20
MAX_INK = 16
SHARES = {"train": 0.6, "val": 0.1, "test": 0.3}  # of the handwritten digits


@dataclass(frozen=True)
class Digit:
    """digit: 0 to 9. colour: a key of COLOURS. row, column: of its centre, in pixels."""

    digit: int
    colour: str
    row: float
    column: float

    @property
    def name(self) -> str:
        return NAMES[self.digit]


@dataclass(frozen=True)
class Scene:
    """image: (CANVAS, CANVAS, 3) uint8. digits: in it, from left to right."""

    image: np.ndarray
    digits: tuple[Digit, ...]


class Writer:
    """Draws scenes of the digits of one split.

    Args:
        images: (n, 8, 8) ink, 0 to MAX_INK.
        targets: (n,) digits.
        rng: decides everything.
    """

    def __init__(self, images: np.ndarray, targets: np.ndarray, rng: np.random.Generator):
        self.images, self.rng = images, rng
        self.of_digit = [np.flatnonzero(targets == digit) for digit in range(10)]

    def scene(self, count: int) -> Scene:
        """So many different digits, each in one of the colours, which may repeat."""
        rng = self.rng
        canvas = np.full((CANVAS, CANVAS, 3), GROUND, np.float64)
        places = rng.permutation(GRID * GRID)[:count]
        digits = []
        for digit, place in zip(rng.permutation(10)[:count].tolist(), places, strict=True):
            colour = str(rng.choice(list(COLOURS)))
            top, left = np.array(divmod(place, GRID)) * (SIDE + 2) + rng.integers(0, 3, 2)
            ink = self.images[rng.choice(self.of_digit[digit])] / MAX_INK  # (8, 8)
            part = canvas[top : top + SIDE, left : left + SIDE]
            part += ink[..., None] * (np.array(COLOURS[colour]) - part)
            digits.append(Digit(digit, colour, top + SIDE / 2, left + SIDE / 2))
        ordered = tuple(sorted(digits, key=lambda item: (item.column, item.row)))
        return Scene(np.round(canvas).astype(np.uint8), ordered)


def writers(seed: int) -> dict[str, Writer]:
    """A writer for each split, whose digits no other split has; see `of_splits`."""
    return {split: Writer(*drawn) for split, drawn in of_splits(seed).items()}


def of_splits(
    seed: int,
) -> dict[str, tuple[np.ndarray, np.ndarray, np.random.Generator]]:
    """split -> (ink of its digits (n, 8, 8), which digits they are (n,), what decides the rest).

    Args:
        seed: decides which digits are whose, and the scenes.
    """
    from sklearn.datasets import load_digits  # here: it takes a second

    data = load_digits()
    order = np.random.default_rng([seed, 0]).permutation(len(data.target))
    borders = np.round(np.cumsum(list(SHARES.values()))[:-1] * len(order)).astype(int)
    return {
        split: (data.images[rows], data.target[rows], np.random.default_rng([seed, number]))
        for number, (split, rows) in enumerate(
            zip(SHARES, np.split(order, borders), strict=True), start=1
        )
    }
