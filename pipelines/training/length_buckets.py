"""Length buckets: padded rows of similar length share a batch and a boundary they are cut to."""

from dataclasses import dataclass

import numpy as np


def lengths(ids: np.ndarray) -> np.ndarray:
    """How many positions each row of (rows, positions) ids has before its padding begins."""
    real = np.asarray(ids) != 0
    return np.where(real.any(axis=1), real.shape[1] - real[:, ::-1].argmax(axis=1), 0)


@dataclass(frozen=True)
class LengthBuckets:
    """Boundaries of the lengths of one or several padded columns.

    Args:
        names: of the columns. Without any there is one bucket, and rows keep their length.
        boundaries: (buckets, columns) lengths; in every column they never decrease. The last are
            the full lengths, for rows longer than any that the boundaries were fitted on.
    """

    names: tuple[str, ...]
    boundaries: np.ndarray

    @classmethod
    def fit(cls, columns: dict[str, np.ndarray], count: int) -> "LengthBuckets":
        """Boundaries at `count` quantiles of the rows: with 4, a quarter fits the first."""
        shares = np.arange(1, count + 1) / count
        quantiles = [
            [*np.quantile(lengths(ids), shares, method="higher"), ids.shape[1]]
            for ids in columns.values()
        ]
        boundaries = np.unique(np.maximum(np.array(quantiles, np.int64).T, 1), axis=0)
        return cls(tuple(columns), boundaries)

    def bucket(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """(rows,) the first bucket that holds all columns of each row."""
        rows = len(next(iter(columns.values())))
        first = [
            np.searchsorted(boundaries, lengths(columns[name]))
            for name, boundaries in zip(self.names, self.boundaries.T, strict=True)
        ]
        return np.max([np.zeros(rows, np.int64), *first], axis=0)
