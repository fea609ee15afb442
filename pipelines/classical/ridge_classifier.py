"""Ridge regression of each class's indicator, for more features than rows.

Reference: Rifkin and Klautau, "In Defense of One-Vs-All Classification", JMLR 2004.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.classical.svm_decisions import OneVsRest

PENALTIES = tuple(np.logspace(-1, 5, 7).tolist())  # times the mean square of a row's length / n
CONSTANT = 1e-9  # standard deviation of a feature that is the same in all rows


def path(
    features: np.ndarray, targets: np.ndarray, classes: int, penalties: Sequence[float] = PENALTIES
) -> Iterator[tuple[float, OneVsRest]]:
    """(penalty, classifier) of each penalty, from one eigendecomposition of the Gram matrix.

    With standardised features Z (n, d) and targets Y, -1 and 1, less their mean, the weights are
    Z' (Z Z' + penalty I)^-1 Y.

    Args:
        features: (n, d).
        targets: (n,) class ids.
        classes: k.
        penalties: of the squared norm of the weights.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > CONSTANT, deviation, np.inf)
    z = (features - mean) / deviation
    indicators = np.where(targets[:, None] == np.arange(classes), 1.0, -1.0)
    level = indicators.mean(axis=0)
    values, vectors = np.linalg.eigh(z @ z.T)
    rotated = vectors.T @ (indicators - level)
    for penalty in penalties:
        dual = vectors @ (rotated / (np.maximum(values, 0) + penalty)[:, None])
        weights = (z.T @ dual) / deviation[:, None]
        yield penalty, OneVsRest(mean, weights, level)
