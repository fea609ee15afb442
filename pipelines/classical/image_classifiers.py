"""Fitting of classifiers to image features: kernel SVMs, or linear functions of many classes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from pipelines.classical.svm_decisions import OneVsRest, PairwiseSVM

PENALTIES = {"rbf": (1.0, 10.0, 100.0), "linear": (0.01, 0.1, 1.0)}
SHRINKAGES = (1e-3, 1e-2, 1e-1)  # of one-vs-rest, relative to the mean variance of a feature
# A kernel SVM's time grows with the square of the rows,
SELECTION_ROWS, FITTING_ROWS = 4000, 20_000
MANY_ROWS, COMPONENTS = 100_000, 128  # and with the features: many rows get fewer of them
# k classes have k (k - 1) / 2 pairs, each a classifier: of 500 classes 124,750.
LINEAR_FROM_CLASSES = 50
ONE_VS_REST = "one_vs_rest"
NEVER = -1e3  # the margin of a class without a row to learn from


@dataclass(frozen=True)
class Setting:
    """kernel: "rbf", "linear", or ONE_VS_REST for linear functions. strength: C, or shrinkage."""

    kernel: str
    strength: float

    def __str__(self) -> str:
        if self.kernel == ONE_VS_REST:
            return f"linear, one against the rest, shrinkage {self.strength:g}"
        return f"{self.kernel} kernel, C={self.strength:g}"

    def fit(self, features: np.ndarray, targets: np.ndarray) -> PairwiseSVM | OneVsRest:
        """features (n, d), targets (n,) class ids, of which all of 0 to k - 1 occur."""
        if self.kernel == ONE_VS_REST:
            return self._one_vs_rest(features, targets)
        svc = SVC(C=self.strength, kernel=self.kernel, gamma="scale", cache_size=500)
        shift, projection = features.mean(axis=0, dtype=np.float64), np.empty((0, 0))
        if len(features) > FITTING_ROWS and features.shape[1] > COMPONENTS:
            pca = PCA(COMPONENTS, svd_solver="covariance_eigh").fit(features)
            shift, projection = pca.mean_, pca.components_.T
            svc.fit(pca.transform(features), targets)
        else:
            svc.fit(features - shift, targets)
        return PairwiseSVM.of(svc, shift, projection)

    def _one_vs_rest(self, features: np.ndarray, targets: np.ndarray) -> OneVsRest:
        """Least squares to -1 and 1, whose cost hardly grows with the classes."""
        shift = features.mean(axis=0, dtype=np.float64)
        centred = (features - shift).astype(features.dtype)
        indicators = np.where(targets[:, None] == np.arange(targets.max() + 1), 1.0, -1.0)
        penalty = self.strength * np.square(centred).sum(dtype=np.float64) / features.shape[1]
        ridge = Ridge(penalty, solver="cholesky").fit(centred, indicators)
        return OneVsRest(shift, ridge.coef_.T.astype(np.float64), ridge.intercept_)


def settings(classes: int, kernel: str = "best") -> Iterator[Setting]:
    """Those to select from.

    kernel: "rbf", "linear", or "best" of both; of many classes, one against the rest.
    """
    if kernel == "best" and classes >= LINEAR_FROM_CLASSES:
        for shrinkage in SHRINKAGES:
            yield Setting(ONE_VS_REST, shrinkage)
        return
    for name, penalties in PENALTIES.items():
        for penalty in penalties if kernel in ("best", name) else ():
            yield Setting(name, penalty)


def subsample(
    images: np.ndarray, targets: np.ndarray, most: int, rng
) -> tuple[np.ndarray, np.ndarray]:
    """At most so many random rows, in their order, and one of each class that was not drawn."""
    if len(targets) <= most:
        return images, targets
    drawn = rng.permutation(len(targets))[:most]
    missing = np.setdiff1d(targets, targets[drawn])
    first = [int(np.flatnonzero(targets == label)[0]) for label in missing]
    rows = np.sort(np.concatenate([drawn, np.array(first, drawn.dtype)]))
    return images[rows], targets[rows]


def of_all_classes(margins: np.ndarray, learned: np.ndarray, classes: int) -> np.ndarray:
    """(n, 1 or k') margins of the classes that were learned -> (n, 1) of two classes, or (n, k)."""
    if len(learned) == classes:
        return margins
    every = np.full((len(margins), classes), NEVER)
    every[:, learned] = np.hstack([-margins, margins]) if margins.shape[1] == 1 else margins
    return every
