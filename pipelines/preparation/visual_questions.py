"""Questions about images become splits on disk: by image, with a vocabulary; for all recipes.

A split holds image (height, width, channels) uint8, words (the question's token ids), label (the
answer's class id) and, as they were given, image_bytes, question, answer and file. The rows of an
image follow each other, and columns of images hold each of them once.

Questions and answers are known from train alone: words that it does not have are unknown, and
answers that are not among its most frequent ones have the class id behind the last one, which no
model can give.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import image_splits, validation
from pipelines.preparation.data_report import findings, texts
from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.labelled_images import Size
from pipelines.preparation.splits import HoldOut
from pipelines.preprocessing import near_duplicates, tokenization, windows
from pipelines.preprocessing.image_decoding import Reader
from pipelines.preprocessing.tokenization import Tokenizer
from pipelines.storage import arrays
from pipelines.storage.repeated import Repeated

IMAGE, WORDS, TARGET = "image", "words", "label"
RAW_IMAGE, RAW_QUESTION = "image_bytes", "question"
READER_FILE, TOKENIZER_FILE = "image.json", "words.json"
BY_DEFAULT = HoldOut()
RESAMPLED = "resampled"  # in task_metadata: how many questions each image of test has


class Options(BaseModel):
    """What is done with the images and questions, wherever they come from.

    Args:
        size: height and width to resize images to; see preprocessing/image_decoding.py.
        vocabulary_size: the most frequent words of train's questions that are known, and two for
            unknown words and padding.
        max_tokens: words and signs of a question; those beyond it are cut off.
        answers: how many different answers a model can give, the most frequent ones of train. Rows
            of train and val with other answers are left out; in test they count as wrong.
    """

    model_config = STRICT
    size: Size = (64, 64)
    vocabulary_size: Annotated[int, Field(strict=True, ge=3)] = 5000
    max_tokens: Count = 24
    answers: Annotated[int, Field(strict=True, ge=2)] = 1000


class Question(NamedTuple):
    """image: its number. line: in the source, None where it has no lines."""

    image: int
    text: str
    answer: str
    line: int | None = None


@dataclass(frozen=True)
class QuestionedImages:
    """All images of a source, and the questions about them.

    Args:
        source: for errors.
        images: (H, W, C) uint8 of each, at the size that models see.
        files: encoded.
        names: of the files.
        given_splits: of each image "train", "val" or "test" where the source says so, else "".
        questions: in any order.
    """

    source: Path
    images: Sequence[np.ndarray]
    files: Sequence[bytes]
    names: Sequence[str]
    given_splits: np.ndarray
    questions: Sequence[Question]


def write(
    data: QuestionedImages, out: Path, reader: Reader, options: Options, seed: int,
    split: HoldOut = BY_DEFAULT,
) -> spec.DataSpec:  # fmt: skip
    """Writes the splits into out/repeat0/ and returns the spec that describes them.

    Args:
        data: all rows.
        out: an empty folder.
        reader: with which the images were decoded; stored as an asset for serving.
        options: what is done with them.
        seed: of the random draws.
        split: how many images are val and test, where the source does not say so.

    Raises:
        UserError: an image in two splits, a split without questions, a single answer.
    """
    findings.write(out, findings.accepted(report(data)))
    images_of = image_splits.draw(
        data.source, data.images, data.names, data.given_splits, split, seed
    )[0]  # fmt: skip
    rows_of = {name: questions_of(data, name, images) for name, images in images_of.items()}
    labels = known_answers(data.source, rows_of["train"], options.answers)
    for name in ("train", "val"):
        rows_of[name] = with_known_answers(data.source, name, rows_of[name], labels)
    questions = [row.text for row in rows_of["train"]]
    size, tokens = options.vocabulary_size, options.max_tokens
    tokenizer = tokenization.learn(questions, "word", True, size, tokens, "value")
    assets = out / "repeat0/assets"
    assets.mkdir(parents=True)
    reader.save(assets / READER_FILE)
    tokenizer.save(assets / TOKENIZER_FILE)
    for name, rows in rows_of.items():
        arrays.write(out / "repeat0" / name, columns(data, rows, tokenizer, labels))
    numbers = [row.image for row in rows_of["test"]]
    counts = list(Counter(numbers).values())  # in the order of the rows
    shape = (reader.height, reader.width, reader.channels)
    return data_spec(shape, tokens, tokenizer.size, labels, counts)


def data_spec(
    shape: tuple[int, int, int], max_tokens: int, words: int, labels: Sequence[str],
    counts: Sequence[int],
) -> spec.DataSpec:  # fmt: skip
    """What models of these arrays must accept and produce.

    Args:
        shape: of an image, (H, W, C).
        max_tokens: of a question.
        words: how many ids there are, padding and unknown words included.
        labels: the known answers.
        counts: the number of questions of each image of test, in the order of its rows.
    """
    return spec.DataSpec(
        inputs={
            IMAGE: spec.Field(shape, "uint8", "intensity, 0 to 255", kind="image"),
            WORDS: spec.Field.token_ids(max_tokens, words),
        },
        target=spec.Target.class_id(TARGET, len(labels) + 1),
        outputs=len(labels),
        request_inputs=(RAW_IMAGE, RAW_QUESTION),
        labels=tuple(labels),
        task_metadata={RESAMPLED: list(counts)},
    )


def questions_of(data: QuestionedImages, split: str, images: np.ndarray) -> list[Question]:
    """Those about the images of a split, image by image.

    Raises:
        UserError: `rows-missing`, where there are none.
    """
    members = set(images.tolist())
    rows = sorted(
        (row for row in data.questions if row.image in members), key=lambda row: row.image
    )
    if not rows:
        raise UserError(
            "rows-missing",
            f"no question is about an image of the {split} split; make the split larger, or add "
            "questions",
            path=data.source, key=f"split.{split}",
        )  # fmt: skip
    return rows


def known_answers(source: Path, train: Sequence[Question], most: int) -> list[str]:
    """The most frequent answers of train, in alphabetical order; of equally frequent ones the
    first of the alphabet.

    Raises:
        UserError: `class-count`, where there is one answer alone.
    """
    counts = Counter(normalized(row.answer) for row in train)
    frequent = sorted(counts, key=lambda answer: (-counts[answer], answer))[:most]
    return validation.classes(source, frequent, None)


def with_known_answers(
    source: Path, split: str, rows: Sequence[Question], labels: Sequence[str]
) -> list[Question]:
    """The rows whose answer is one of the labels."""
    known = set(labels)
    remaining = [row for row in rows if normalized(row.answer) in known]
    if len(remaining) < len(rows):
        print(
            f"{source}: {len(rows) - len(remaining)} of {len(rows)} questions of {split} left out, "
            f"whose answers are not among the {len(labels)} most frequent ones (answers)"
        )
    if not remaining:
        raise UserError(
            "rows-missing", f"no answer of {split} is one that train has; raise `answers`",
            path=source, key="answers",
        )  # fmt: skip
    return remaining


def normalized(answer: str) -> str:
    """Answers that differ in letter case or white space are one."""
    return near_duplicates.fingerprint(answer)


def columns(
    data: QuestionedImages, rows: Sequence[Question], tokenizer: Tokenizer, labels: Sequence[str]
) -> dict[str, arrays.Column]:  # fmt: skip
    """The arrays of a split, whose rows are in the order of their images."""
    numbers, index = np.unique([row.image for row in rows], return_inverse=True)
    ids = tokenizer.encode([row.text for row in rows])
    if cut := sum(len(row) > tokenizer.max_tokens for row in ids):
        print(
            f"{data.source}: {cut} of {len(rows)} questions are truncated after "
            f"{tokenizer.max_tokens} tokens; raise max_tokens to keep them whole"
        )
    place = {label: number for number, label in enumerate(labels)}
    targets = [place.get(normalized(row.answer), len(labels)) for row in rows]
    return {
        IMAGE: Repeated(np.stack([data.images[number] for number in numbers]), index),
        RAW_IMAGE: Repeated([data.files[number] for number in numbers], index),
        "file": Repeated([data.names[number] for number in numbers], index),
        RAW_QUESTION: [row.text for row in rows],
        "answer": [row.answer for row in rows],
        WORDS: windows.pad(ids, tokenizer.max_tokens),  # (rows, max_tokens)
        TARGET: np.array(targets, np.int32),
    }


def report(data: QuestionedImages) -> list[Finding]:
    """The data report on all rows."""
    rows, count = data.questions, len(data.images)
    places = [
        data.names[row.image] if row.line is None else f"line {row.line}" for row in rows
    ]  # fmt: skip
    several = {(row.image, normalized(row.text), normalized(row.answer)) for row in rows}
    asked = Counter((image, text) for image, text, _ in several)
    disputed = [text for (_, text), answers in asked.items() if answers > 1]
    report = [
        Finding("rows", "info", len(rows), f"{len(rows)} questions about {count} images"),
        *texts.contents([row.text for row in rows], places, "question"),
        *label_report.report([normalized(row.answer) for row in rows]),
    ]
    if disputed:
        message = f"{len(disputed)} questions about an image have several answers"
        examples = findings.first(disputed)
        report.append(
            Finding("answers-differ", "warning", len(disputed), message, examples)
        )  # fmt: skip
    return report
