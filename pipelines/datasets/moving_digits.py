"""Short movies of one handwritten digit that moves; the class is how it moves.

    left  right  up  down                straight on, at a speed of its own
    clockwise  anticlockwise             around a circle, from anywhere on it

The digits are real, see preparation/digit_scenes.py, and those of one split are in no other. What
leaves the canvas on one side comes back on the other. With the place at the start uniform, the
place in each frame is uniform, too, whatever the class: one frame alone gives nothing away, and
neither does the set of all frames in any order between left and right.

Differs from Moving MNIST (Srivastava et al. 2015, https://arxiv.org/abs/1502.04681), made to
predict the next frames: two digits, which bounce off the borders, and no classes.

`source` names the file that pins scikit-learn, whose version determines the digits.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import digit_scenes, labelled_images, labelled_videos
from pipelines.preparation.digit_scenes import GROUND, MAX_INK, SIDE
from pipelines.preparation.labelled_images import LabelledImages
from pipelines.preparation.splits import ImageSplit
from pipelines.preprocessing import gif_files
from pipelines.preprocessing.video_decoding import VideoReader

STRAIGHT = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}  # (down, right)
TURNS = {"clockwise": 1, "anticlockwise": -1}
MOTIONS = (*STRAIGHT, *TURNS)
SPEEDS = (0.6, 1.4)  # pixels a frame
RADII = (2.5, 4.0)  # pixels
JITTER = 0.3  # standard deviation in pixels, of each frame
Side = Annotated[int, Field(strict=True, ge=2 * SIDE)]


class Movies(BaseModel):
    """train, val, test: how many movies."""

    model_config = STRICT
    train: Count = 1200
    val: Count = 300
    test: Count = 600


class Options(BaseModel):
    """What is drawn.

    Args:
        frames: T of a movie.
        side: of its frames, in pixels; at least twice that of a digit.
        movies: how many there are of each split.
    """

    model_config = STRICT
    frames: Annotated[int, Field(strict=True, ge=3)] = 12
    side: Side = 20
    movies: Movies = Movies()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = VideoReader(options.frames, options.side, options.side, channels=1)
    rows = read(options, raw, reader, seed)
    return labelled_images.write(
        rows, out, reader, ImageSplit(), seed, report=labelled_videos.report(rows)
    )


def read(options: Options, raw: Path, reader: VideoReader, seed: int) -> LabelledImages:
    """All movies; the motions take turns."""
    files, names, targets, given = [], [], [], []
    for split, (digits, _, rng) in digit_scenes.of_splits(seed).items():
        for number in range(getattr(options.movies, split)):
            motion = MOTIONS[number % len(MOTIONS)]
            ink = digits[rng.integers(len(digits))]
            centres = path(motion, options.frames, options.side, rng)
            frames = np.stack([draw(ink, centre, options.side) for centre in centres])
            files.append(gif_files.encode(frames[..., None]))
            names.append(f"{split}/{number}.gif")
            targets.append(number % len(MOTIONS))
            given.append(split)
    return LabelledImages(
        source=raw,
        images=np.stack([reader(file, name) for file, name in zip(files, names, strict=True)]),
        files=files, names=names, targets=np.array(targets, np.int32), labels=MOTIONS,
        given_splits=np.array(given), medium=labelled_images.MOVIE,
    )  # fmt: skip


def path(motion: str, frames: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """(frames, 2) rows and columns of the digit's corner in pixels; from anywhere, with jitter.

    Args:
        motion: one of MOTIONS.
        frames: T.
        side: of the canvas.
        rng: decides the rest.
    """
    start, speed = rng.uniform(0, side, 2), rng.uniform(*SPEEDS)
    travelled = speed * np.arange(frames)[:, None]
    if motion in STRAIGHT:
        way = travelled * np.array(STRAIGHT[motion])
    else:
        radius = rng.uniform(*RADII)
        angle = rng.uniform(0, 2 * np.pi) + TURNS[motion] * travelled / radius
        way = radius * np.concatenate([np.sin(angle), np.cos(angle)], axis=1)  # rows go down
    return start + way + rng.normal(0, JITTER, (frames, 2))


def draw(ink: np.ndarray, corner: np.ndarray, side: int) -> np.ndarray:
    """(side, side) uint8: a digit at a place between pixels, shared out to its four neighbours.

    Args:
        ink: (8, 8), 0 to MAX_INK.
        corner: row and column; those beyond the canvas count from its other side.
        side: of the canvas.
    """
    whole = np.floor(corner).astype(int)
    shares = corner - whole
    canvas = np.zeros((side, side))
    for down in (0, 1):
        for right in (0, 1):
            rows = (whole[0] + down + np.arange(SIDE)) % side
            columns = (whole[1] + right + np.arange(SIDE)) % side
            weight = abs(1 - down - shares[0]) * abs(1 - right - shares[1])
            canvas[np.ix_(rows, columns)] += weight * ink / MAX_INK
    return np.round(GROUND + (255 - GROUND) * canvas).astype(np.uint8)
