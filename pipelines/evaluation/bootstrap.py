"""Intervals from resampled rows, with one set of weights for everything that is compared.

A bootstrap resample draws as many test rows as there are, with replacement (Efron 1979). Drawing a
row twice is giving it weight 2, so a resample is a row of counts, and a metric that takes row
weights gives its point estimate and its resamples in one call: row 0 of the weights is all ones.

    w = weights(len(targets), seed=1)             # (1 + resamples, rows)
    model = scores(..., weights=w)["accuracy"]    # (1 + resamples,): value 0 is the point estimate
    summary(model)                                # (point, low, high)

Everything else is plain arithmetic on such arrays of values:

- paired difference: `summary(model - baseline)`, both scored with the SAME weights, so that rows
  both find hard cancel out; scores on different weights must not be subtracted;
- mean over trials: `summary(np.mean([trial_1, trial_2], axis=0))`; its interval tells
  what other test rows would have given, not what other seeds would have;
- part of the rows: `scores(..., weights=w * mask)`, as if the other rows were not there.

The interval is about the test rows only: the models are taken as they are.
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
    `seed` may be several numbers: [seed, split] draws differently for each split. `spec` is for
    tasks whose rows depend on one another and have a function of their own in place of this one.

    Raises ValueError for no rows or a negative number of resamples.
    """
    if rows < 1 or resamples < 0:
        raise ValueError(f"weights: {rows} rows, {resamples} resamples; rows must be 1 or more")
    rng = np.random.default_rng(seed)
    counts = np.ones((1 + resamples, rows), dtype=np.uint8)
    for resample in counts[1:]:  # one at a time: the draws are 8 bytes each, the counts one
        resample[:] = np.bincount(rng.integers(rows, size=rows), minlength=rows)
    return counts


def summary(values: np.ndarray) -> tuple[float, float, float]:
    """Point estimate and 95 % percentile interval of `values`, shape (1 + resamples,).

    Resamples in which the metric is undefined (NaN: say, an AUC of a resample without a positive
    row) are left out: the interval is then of the metric where it exists. Without a single defined
    resample the bounds are NaN. The point estimate is `values[0]`, defined or not.
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
