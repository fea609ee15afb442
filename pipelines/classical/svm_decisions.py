"""Fitted classifiers as plain arrays, with scikit-learn's decisions: one against one, or the rest.

Both map features (n, d) to margins (n, k), or (n, 1) for two classes, and to the class predicted.
Features are first shifted and, with a projection, mapped to fewer dimensions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
from sklearn.svm import SVC

CHUNK = 1024  # rows at a time: kernel values to every support vector


@dataclass(frozen=True)
class PairwiseSVM:
    """libsvm's classifiers of each pair of k classes i < j, and their votes.

    The decision of a pair is the sum of the kernel values to the support vectors of both classes,
    weighted by their dual coefficients, plus an intercept; if positive, i gets the vote. A margin
    is a class's number of votes, plus less than 1/3 by the sum of its decisions, which decides
    between equal numbers of votes (scikit-learn's decision function "ovr"). The class predicted is
    the first with the most votes. Of two classes the margin is that of class 1.

    Args:
        shift: (d,), subtracted from features.
        projection: (d, r); (0, 0) for none.
        vectors: (s, r), support vectors, ordered by class.
        sizes: (k,), support vectors of each class.
        dual: (k - 1, s), in libsvm's order.
        intercepts: (k * (k - 1) / 2,).
        gamma: (1,) of the kernel exp(-gamma |x - y|^2); 0 for the linear kernel x y.

    Reference: Chang and Lin, "LIBSVM: A Library for Support Vector Machines", ACM TIST 2011,
    https://doi.org/10.1145/1961189.1961199, section 4 and 7.
    """

    shift: np.ndarray
    projection: np.ndarray
    vectors: np.ndarray
    sizes: np.ndarray
    dual: np.ndarray
    intercepts: np.ndarray
    gamma: np.ndarray

    @classmethod
    def of(cls, svc: SVC, shift: np.ndarray, projection: np.ndarray) -> "PairwiseSVM":
        """Of a fitted SVC, the features of which were shifted and projected."""
        gamma = svc._gamma if svc.kernel == "rbf" else 0.0
        return cls(
            np.asarray(shift, np.float64), np.asarray(projection, np.float64),
            svc.support_vectors_, svc.n_support_.astype(np.int64), svc.dual_coef_, svc.intercept_,
            np.array([gamma]),
        )  # fmt: skip

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray]) -> "PairwiseSVM":
        return cls(**{field.name: np.array(arrays[field.name]) for field in fields(cls)})

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(combinations(range(len(self.sizes)), 2))

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(margins, class numbers predicted)."""
        starts = range(0, len(features), CHUNK)
        parts = [self._voted(self.decisions(features[s : s + CHUNK])) for s in starts]
        margins, predicted = zip(*parts, strict=True)
        return np.concatenate(margins), np.concatenate(predicted)

    def decisions(self, features: np.ndarray) -> np.ndarray:
        """(n, pairs)."""
        x = features.astype(np.float64) - self.shift
        if self.projection.size:
            x = x @ self.projection
        kernel = x @ self.vectors.T
        if self.gamma[0]:
            lengths = np.square(x).sum(axis=1)[:, None] + np.square(self.vectors).sum(axis=1)
            kernel = np.exp(-self.gamma * np.maximum(lengths - 2 * kernel, 0))
        ends = np.cumsum(self.sizes)
        weighted = [
            kernel[:, end - size : end] @ self.dual[:, end - size : end].T
            for size, end in zip(self.sizes, ends, strict=True)
        ]  # k of (n, k - 1): what the support vectors of a class add to its pairs
        if len(self.sizes) == 2:
            return weighted[0] + weighted[1] + self.intercepts
        pairs = [weighted[i][:, j - 1] + weighted[j][:, i] for i, j in self.pairs]
        return np.stack(pairs, axis=1) + self.intercepts

    def _voted(self, decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(self.sizes) == 2:
            return decisions, (decisions[:, 0] > 0).astype(np.int64)
        first, second = pair_matrices(len(self.sizes))
        wins = (decisions > 0).astype(np.float64)
        votes = wins @ first + (1 - wins) @ second
        total = decisions @ (first - second)
        return votes + total / (3 * (np.abs(total) + 1)), votes.argmax(axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def pair_matrices(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(pairs, k) with a 1 at the first, and at the second, class of each pair."""
    pairs = np.array(list(combinations(range(classes), 2)))
    identity = np.eye(classes)
    return identity[pairs[:, 0]], identity[pairs[:, 1]]


@dataclass(frozen=True)
class OneVsRest:
    """A linear function for each class; the class predicted is that with the highest value.

    Args:
        shift: (d,), subtracted from features.
        weights: (d, k).
        intercepts: (k,).
    """

    shift: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray]) -> "OneVsRest":
        return cls(**{field.name: np.array(arrays[field.name]) for field in fields(cls)})

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(margins (n, k), class numbers predicted)."""
        margins = (features.astype(np.float64) - self.shift) @ self.weights + self.intercepts
        return margins, margins.argmax(axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
