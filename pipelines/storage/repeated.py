"""Columns in which many rows have one value: several questions about an image."""

from collections.abc import Sequence

import numpy as np


class Repeated(Sequence):
    """A read-only column that holds each value once, and for every row which value it has.

    `column[rows]` is what an array of all rows would give; `numpy.asarray` makes that array.

    Args:
        values: the distinct values: an array, or a list of texts or bytes.
        index: (rows,) the number of each row's value.
    """

    def __init__(self, values, index: np.ndarray):
        self.values, self.index = values, np.asarray(index, np.int32)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows):
        numbers = self.index[rows]
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
