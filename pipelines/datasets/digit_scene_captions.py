"""Scenes of two handwritten digits with five sentences each, written by a small grammar.

The digits are real, see preparation/digit_scenes.py, and those of the scenes of test are in no
scene of train. How they are coloured and placed is drawn at random, and the sentences are those of
preparation/scene_captions.py: not people's. Scenes whose digits lie diagonally are not used, since
of these two relations are true.

Test has two parts. In the second one (`held_out`) each scene has a digit in a colour in which
neither train nor val ever shows it: they have red sevens and blue twos, and here is a blue seven.
Who learned which digits go with which colours, instead of seeing both, is wrong there.

`source` names the file that pins scikit-learn, whose version determines the digits.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from pipelines import spec
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import digit_scenes, image_captions, scene_captions
from pipelines.preparation.digit_scenes import Scene, Writer
from pipelines.preparation.image_captions import CaptionedImages, CaptionTokens
from pipelines.preparation.labelled_images import Size
from pipelines.preparation.scene_captions import ColouredDigit, Statement
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.image_decoding import Reader

DIGITS, REFERENCES = 2, 5  # of a scene


class Scenes(BaseModel):
    """How many scenes there are.

    Args:
        train: of the train split.
        val: of the val split.
        test: of the first part of test, with combinations that train has.
        held_out: of its second part, with others.
    """

    model_config = STRICT
    train: Count = 3000
    val: Count = 300
    test: Count = 500
    held_out: Count = 300


class Options(image_captions.Options):
    """Beside those of all captions of images:

    Args:
        scenes: how many there are of each split.
    """

    size: Size = (digit_scenes.CANVAS, digit_scenes.CANVAS)
    tokens: CaptionTokens = CaptionTokens(method="word", vocabulary_size=64, max_tokens=16)
    scenes: Scenes = Scenes()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = Reader(*options.size, channels=3)
    return image_captions.write(read(options, raw, reader, seed), out, reader, options, seed)


def read(options: Options, raw: Path, reader: Reader, seed: int) -> CaptionedImages:
    """All scenes and their sentences."""
    others = scene_captions.held_out(np.random.default_rng([seed, 0]))
    files, names, given, captions, truths, held_out = [], [], [], [], [], []
    for split, writer in digit_scenes.writers(seed).items():
        parts = {split: False} | ({"held_out": True} if split == "test" else {})
        for part, is_held_out in parts.items():
            for number in range(getattr(options.scenes, part)):
                scene, true = draw(writer, others, is_held_out)
                files.append(image_decoding.png(scene.image))
                names.append(f"{part}/{number}.png")
                given.append(split)
                captions.append(scene_captions.write(true, REFERENCES, writer.rng))
                truths.append(str(true))
                held_out.append(is_held_out)
    images = [reader(data, name) for data, name in zip(files, names, strict=True)]
    of_test = {"facts": truths, "held_out": np.array(held_out)}
    return CaptionedImages(raw, images, files, names, np.array(given), captions, of_test)


def draw(
    writer: Writer, others: frozenset[ColouredDigit], is_held_out: bool
) -> tuple[Scene, Statement]:  # fmt: skip
    """A scene with or without one of the combinations that train never has, and its facts."""
    while True:
        scene = writer.scene(DIGITS)
        true = scene_captions.facts(scene)
        if true is not None and is_held_out == bool(others & set(true.digits)):
            return scene, true
