"""The nearest of known vectors, by Euclidean distance."""

import numpy as np

CHUNK = 256  # rows at a time


def nearest(known: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """(m,) for each query, the number of the known row nearest to it.

    Args:
        known: (n, d).
        queries: (m, d).
    """
    known, queries = (np.asarray(rows, np.float64) for rows in (known, queries))
    squares = (known**2).sum(axis=1)
    parts = [
        (squares - 2 * (queries[start : start + CHUNK] @ known.T)).argmin(axis=1)
        for start in range(0, len(queries), CHUNK)
    ]
    return np.concatenate(parts)
