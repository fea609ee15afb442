"""The nearest of known vectors, by Euclidean distance."""

import numpy as np

CHUNK = 256  # rows at a time


def nearest(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(m,) for each row that is asked, the number of the known row nearest to it.

    Args:
        known: (n, d).
        asked: (m, d).
    """
    known, asked = (np.asarray(rows, np.float64) for rows in (known, asked))
    squares = (known**2).sum(axis=1)
    parts = [
        (squares - 2 * (asked[start : start + CHUNK] @ known.T)).argmin(axis=1)
        for start in range(0, len(asked), CHUNK)
    ]
    return np.concatenate(parts)
