"""Your own questions about images: a table with the path of an image, a question and an answer.

One row a question; several rows may ask about one image. Images are JPEG or PNG files, of any size.
All questions about an image are in one split, as are images of equal pixels.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import Count
from pipelines.preparation import (
    empty_texts,
    named_images,
    source_files,
    visual_questions,
)
from pipelines.preparation.splits import HoldOut, SplitSources
from pipelines.preparation.table_options import TableOptions
from pipelines.preparation.visual_questions import Question, QuestionedImages
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.image_decoding import Reader

Column = Annotated[str, Field(min_length=1)]


class Options(visual_questions.Options, TableOptions):
    """Which columns and files are read.

    Args:
        image: the column of the images' paths.
        question: the column of the questions.
        answer: the column of the answers.
        folder: what the paths are relative to, itself relative to the table's folder.
        files: where the source is a folder, its tables: {train: ..., val: ..., test: ...}, where
            val and test are drawn from train if they are not given; or {all: ...}, to be split
            here.
        empty: refuse | drop rows without a question or an answer.
        max_pixels: larger images are refused before they are decoded.
        split: how many images are val and test, where `files` does not say so.
    """

    image: Column = "image"
    question: Column = "question"
    answer: Column = "answer"
    folder: str = "."
    files: SplitSources[str] | None = None
    empty: empty_texts.Empty = "refuse"
    max_pixels: Count = image_decoding.MAX_PIXELS
    split: HoldOut = HoldOut()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = Reader(*options.size, channels=3, max_pixels=options.max_pixels)
    data = read(options, raw, reader)
    return visual_questions.write(data, out, reader, options, seed, options.split)


def read(options: Options, raw: Path, reader: Reader) -> QuestionedImages:
    """All rows of the tables, and every image that they name, once.

    Raises:
        UserError: `image-missing`, an image that cannot be read, one that is in two tables.
    """
    place: dict[Path, tuple[int, str]] = {}  # path -> number and split
    questions, images, files, names = [], [], [], []
    columns = {"image": options.image, "question": options.question, "answer": options.answer}
    for split, name in source_files.by_split(raw, options.files).items():
        path = raw if name is None else source_files.member(raw, name)
        rows = empty_texts.complete_rows(options.table(path), columns, options.empty)
        with named_images.images_of(path, options.folder) as present:
            for line, (image, question, answer) in rows:
                file = present.path(image, path, line, options.image)
                if file not in place:
                    files.append(file.read_bytes())
                    images.append(reader(files[-1], present.name(file)))
                    place[file] = len(names), split
                    names.append(image)
                number, first_split = place[file]
                if first_split != split:
                    raise UserError(
                        "split-overlap",
                        f"this image is also in the table of {first_split}; ask all questions "
                        "about an image in one of them",
                        path=path, line=line, key=options.image, value=image,
                    )  # fmt: skip
                questions.append(Question(number, question, answer, line))
    given = np.array([split for _, split in place.values()])
    return QuestionedImages(raw, images, files, names, given, questions)
