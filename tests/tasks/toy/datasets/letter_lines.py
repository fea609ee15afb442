"""Lines "word swap": a word of six letters and 0 or 1; with 1, the tags of its letters are swapped.

The split is chronological: the lines are a stream, of which train reads the beginning.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel

from pipelines.spec import DataSpec, Field, Target
from pipelines.storage import arrays

LETTERS, LENGTH = "abcdefghijklmnopqrstuvwxyz", 6
LABELS = ("consonant", "vowel")


class Options(BaseModel):
    """test: the share of lines in val, and in test."""

    test: float = 0.25


def prepare(options: Options, raw: Path, out: Path, seed: int) -> DataSpec:
    lines = [line.split() for line in raw.read_text("utf-8").splitlines()]
    words = [word for word, _ in lines]
    swap = np.array([int(flag) for _, flag in lines], np.int32)  # (n,)
    vowels = np.array([[letter in "aeiou" for letter in word] for word in words], np.int32)
    columns = {
        "word": words,
        "swap": swap,
        "letters": np.array([[LETTERS.index(c) for c in word] for word in words], np.int32),
        "flag": swap.astype(np.float32),
        "tags": vowels ^ swap[:, None],  # (n, LENGTH)
    }
    held = int(options.test * len(lines))
    first, second = len(lines) - 2 * held, len(lines) - held
    parts = {"train": slice(first), "val": slice(first, second), "test": slice(second, None)}
    for name, rows in parts.items():
        part = {column: values[rows] for column, values in columns.items()}
        arrays.write(out / "repeat0" / name, part)
    (out / "repeat0/assets").mkdir()
    (out / "repeat0/assets/letters.txt").write_text(LETTERS)
    return spec()


def spec() -> DataSpec:
    return DataSpec(
        inputs={
            "letters": Field((LENGTH,), "int32", "letter", len(LETTERS), kind="ids"),
            "flag": Field((), "float32", "1 if tags are swapped"),
        },
        target=Target.class_id("tags", len(LABELS), shape=(LENGTH,)),
        outputs=len(LABELS),
        request_inputs=("word", "swap"),
        labels=LABELS,
    )
