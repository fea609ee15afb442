"""Confidence intervals by the bootstrap, with the same resamples for everything that is compared.

A bootstrap resample draws as many test rows as there are, with replacement (Efron 1979). To draw a
row twice is to give it weight 2, so a resample is a row of counts, and a metric with row weights
returns its point estimate and its resamples in one call: row 0 of the weights is all ones.

    w = weights(len(targets), seed=1)             # (1 + resamples, rows)
    model = scores(..., weights=w)["accuracy"]    # (1 + resamples,): value 0 is the point estimate
    summary(model)                                # (point, low, high)

Everything else is plain arithmetic on such arrays of values:

- paired difference: `summary(model - baseline)`, both scored with the SAME weights, so that rows
  that are difficult for both cancel out; scores on different weights must not be subtracted;
- mean over trials: `summary(np.mean([trial_1, trial_2], axis=0))`; its interval covers other test
  rows, not other seeds;
- a subset of the rows: `scores(..., weights=w * mask)`.

The interval is for the sampling of test rows only; the trained models are fixed.

Reference: Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979,
https://doi.org/10.1214/aos/1176344552.
"""

from collections.abc import Sequence

import numpy as np

LEVEL_PERCENT = 95.0


def weights(
    rows: int, resamples: int = 1000, *, seed: int | Sequence[int], spec=None
) -> np.ndarray:
    """Row weights, shape (1 + resamples, rows): all ones, then how often each resample drew a row.

    The dtype is uint8 (25 MB for 1,001 x 25,000): a row is drawn once on average, and more than 255
    times with a probability below 1e-500. Cast before arithmetic that could leave 0..255.
    Args:
        rows: of the test split.
        resamples: rows of weights besides the first.
        seed: a number or several: [seed, repeat] draws differently for each repeat.
        spec: not used; tasks with dependent rows have a function with the same signature.

    Raises:
        ValueError: no rows or a negative number of resamples.
    """
    if rows < 1 or resamples < 0:
        raise ValueError(f"weights: {rows} rows, {resamples} resamples; rows must be 1 or more")
    rng = np.random.default_rng(seed)
    counts = np.ones((1 + resamples, rows), dtype=np.uint8)
    for resample in counts[1:]:  # one at a time: the draws are 8 bytes each, the counts one
        resample[:] = np.bincount(rng.integers(rows, size=rows), minlength=rows)
    return counts


def weights_of_units(counts: Sequence[int], resamples: int, *, seed) -> np.ndarray:
    """`weights` of rows that depend on one another: all rows of a unit are drawn together.

    counts: how many consecutive rows each unit has.
    """
    return np.repeat(weights(len(counts), resamples, seed=seed), counts, axis=1)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(1 + resamples,) means of a number of each row; NaN where nothing was drawn.

    Args:
        values: (rows,).
        weights: (1 + resamples, rows).
    """
    counts = weights.astype(np.float64)
    total = counts.sum(axis=1)
    # einsum, as BLAS rounds by shape and threads
    sums = np.einsum("bn,n->b", counts, values.astype(np.float64))
    return np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)


def summary(values: np.ndarray) -> tuple[float, float, float]:
    """Point estimate and 95 % percentile interval of `values`, shape (1 + resamples,).

    Resamples in which the metric is undefined (NaN, such as an AUC without a positive row) are left
    out. Without a single defined resample the bounds are NaN. The point estimate is `values[0]`,
    defined or not.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"summary: values of shape {values.shape}; expected (1 + resamples,)")
    defined = values[1:][~np.isnan(values[1:])]
    if not len(defined):
        return float(values[0]), float("nan"), float("nan")
    tail = (100.0 - LEVEL_PERCENT) / 2
    low, high = np.percentile(defined, [tail, 100.0 - tail])
    return float(values[0]), float(low), float(high)
