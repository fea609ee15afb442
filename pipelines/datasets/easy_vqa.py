"""easy-VQA: 5,000 drawings of one coloured shape each, and 48,248 questions about them.

Eight colours and three shapes; the answers are colours, shapes, yes and no. The source is the wheel
of the package easy_vqa (MIT), or another archive with the same files. Its split of 4,000 and 1,000
images is kept; val is drawn from the images of its train. The text of a question gives away many
answers, since most questions that begin alike have one answer.

Reference: Victor Zhou, "Easy Visual Question Answering", 2019, https://victorzhou.com/blog/easy-vqa.
"""

import json
from pathlib import Path

import numpy as np

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.preparation import archives, visual_questions
from pipelines.preparation.splits import HoldOut, Share
from pipelines.preparation.visual_questions import Question, QuestionedImages
from pipelines.preprocessing.image_decoding import Reader

FOLDER = "easy_vqa/data/"
SPLITS = ("train", "test")
MAX_FILE_BYTES = 1 << 24


class Options(visual_questions.Options):
    """Beside those of all questions about images:

    Args:
        val: how many of the images of train are val: a number, or below 1 a fraction of all 5,000.
    """

    val: Share = 400


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader, split = Reader(*options.size, channels=3), HoldOut(val=options.val)
    return visual_questions.write(read(raw, reader), out, reader, options, seed, split)


def read(raw: Path, reader: Reader) -> QuestionedImages:
    """All images and questions of the archive.

    Raises:
        UserError: `member-missing`, where it is another archive.
    """
    files = dict(archives.files(raw, lambda name: name.startswith(FOLDER), MAX_FILE_BYTES))
    questions, contents, names, given = [], [], [], []
    for split in SPLITS:
        rows = json.loads(_member(raw, files, f"{FOLDER}{split}/questions.json"))
        numbers = {row[2] for row in rows}
        first = len(names)
        place = {number: first + order for order, number in enumerate(sorted(numbers))}
        for number in sorted(numbers):
            name = f"{split}/images/{number}.png"
            contents.append(_member(raw, files, FOLDER + name))
            names.append(name)
            given.append(split)
        questions += [Question(place[number], text, answer) for text, answer, number in rows]
    images = [reader(data, f"{raw}/{name}") for data, name in zip(contents, names, strict=True)]
    return QuestionedImages(raw, images, contents, names, np.array(given), questions)


def _member(raw: Path, files: dict[str, bytes | None], name: str) -> bytes:
    data = files.get(name)
    if data is None:
        raise UserError(
            "member-missing", f"no file {name} in the archive; take the wheel of easy_vqa 1.0",
            path=raw, value=name,
        )  # fmt: skip
    return data
