"""The nearest of known vectors, by Euclidean distance."""

import numpy as np

CHUNK = 256  # rows at a time
PRECISION = 1e6  # steps that distances are rounded to where several neighbours are ranked


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


def ranked(known: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """(m, k) for each query, the numbers of the known rows nearest to it, the nearest first.

    Of rows that are equally near the first counts; distances are rounded, so that this does not
    depend on the order of summation.

    Args:
        known: (n, d).
        queries: (m, d).
        count: k; all are ranked where there are fewer.
    """
    known, queries = (np.asarray(rows, np.float64) for rows in (known, queries))
    squares = (known**2).sum(axis=1)
    parts = []
    for start in range(0, len(queries), CHUNK):
        distances = np.rint((squares - 2 * (queries[start : start + CHUNK] @ known.T)) * PRECISION)
        parts.append(distances.argsort(axis=1, kind="stable")[:, :count])
    return np.concatenate(parts)
