"""Columns in which many rows have one value: several questions about an image."""

from collections.abc import Sequence

import numpy as np


class Repeated(Sequence):
    """A read-only column that holds each value once, and for every row which value it has.

    `column[rows]` is what an array of all rows would give; `numpy.asarray` makes that array.

    Args:
        values: the distinct values: an array, or a list of texts or bytes.
        numbers: (rows,) the number of each row's value.
    """

    def __init__(self, values, numbers: np.ndarray):
        self.values, self.numbers = values, np.asarray(numbers, np.int32)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows):
        numbers = self.numbers[rows]
        if isinstance(self.values, np.ndarray):
            return self.values[numbers]
        if np.ndim(numbers) == 0:
            return self.values[int(numbers)]
        return [self.values[number] for number in numbers.tolist()]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    @property
    def dtype(self) -> np.dtype:
        """Of an array of values."""
        return self.values.dtype
