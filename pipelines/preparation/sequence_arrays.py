"""Sequences of numbers or ids become splits on disk: the same for every recipe that makes them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from pipelines.config.schema import STRICT, Count
from pipelines.preparation.splits import SPLITS
from pipelines.storage import arrays

SEQUENCE = "sequence"  # the input of a model, and what a client sends


class Rows(BaseModel):
    """How many rows of each split are drawn from random numbers.

    Args:
        train: rows to train on.
        val: rows to choose by.
        test: rows to score.
    """

    model_config = STRICT
    train: Count = 10_000
    val: Count = 1000
    test: Count = 1000

    @property
    def total(self) -> int:
        return self.train + self.val + self.test

    def of_splits(self) -> dict[str, slice]:
        """Split -> its rows: first those of train, then val and test."""
        ends = np.cumsum([getattr(self, split) for split in SPLITS]).tolist()
        slices = map(slice, [0, *ends[:-1]], ends)
        return dict(zip(SPLITS, slices, strict=True))


def write(
    folder: Path, columns: Mapping[str, np.ndarray], rows_of: Mapping[str, slice | np.ndarray]
) -> None:
    """Writes the splits of one repeat.

    Args:
        folder: of the repeat.
        columns: name -> (all rows, ...), with "sequence" and the target.
        rows_of: split -> its rows.
    """
    (folder / "assets").mkdir(parents=True)
    for split, rows in rows_of.items():
        arrays.write(folder / split, {name: values[rows] for name, values in columns.items()})
