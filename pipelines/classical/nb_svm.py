"""A support vector machine on n-grams that naive Bayes has weighed.

Reference: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

FOLDS = 3  # of the rows by which margins become log-odds


class NaiveBayesSVM(ClassifierMixin, BaseEstimator):
    """Support vector machine on n-grams that are there or not, each times its log-count ratio.

    The ratio of an n-gram, log of its share in a class to its share in the rest, is what naive
    Bayes would weigh it with. The learned weights are drawn towards their mean size by
    `interpolation` (of 1, nothing is drawn; of 0, this is naive Bayes); counts start at
    `smoothing`. More than two classes are each held against the rest.

    The defaults are the paper's values.
    """

    def __init__(self, C=1.0, smoothing=1.0, interpolation=0.25, random_state=None):
        self.C, self.smoothing = C, smoothing
        self.interpolation, self.random_state = interpolation, random_state

    def fit(self, found, targets):
        """found: (rows, n-grams), sparse, of 0 and 1."""
        self.classes_ = np.unique(targets)
        told_apart = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        parts = [self._against_rest(found, targets == name) for name in told_apart]
        self.ratio_, self.learned_, self.intercept_ = map(np.stack, zip(*parts, strict=True))
        return self

    def _against_rest(self, found, own) -> tuple[np.ndarray, np.ndarray, float]:
        ratio = log_count_ratio(found, own, self.smoothing)
        machine = LinearSVC(C=self.C, random_state=self.random_state)
        machine.fit(found.multiply(ratio).tocsr(), own)
        return ratio, machine.coef_[0], machine.intercept_[0]

    @property
    def coef_(self) -> np.ndarray:
        """(machines, n-grams), of each presence. `interpolation` may be changed after fitting."""
        mean, share = np.abs(self.learned_).mean(axis=1, keepdims=True), self.interpolation
        return ((1 - share) * mean + share * self.learned_) * self.ratio_

    def decision_function(self, found) -> np.ndarray:
        margins = found @ self.coef_.T + self.intercept_
        return margins[:, 0] if len(self.classes_) == 2 else margins

    def predict(self, found) -> np.ndarray:
        margins = self.decision_function(found)
        chosen = (margins > 0).astype(int) if margins.ndim == 1 else margins.argmax(axis=1)
        return self.classes_[chosen]


def log_count_ratio(found, own: np.ndarray, smoothing: float) -> np.ndarray:
    """log of each n-gram's share in the `own` rows to its share in the others, (n-grams,)."""
    inside, outside = (
        smoothing + np.asarray(found[rows].sum(axis=0), np.float64).ravel() for rows in (own, ~own)
    )
    return np.log(inside / inside.sum()) - np.log(outside / outside.sum())


def log_odds(found, own: np.ndarray, machine: NaiveBayesSVM) -> tuple[np.ndarray, float]:
    """(weight of each n-gram, bias) of the log-odds that a row is one of `own`, a mask.

    found: (rows, n-grams), sparse, of 0 and 1. The machine's margins become log-odds as Platt has
    it, from rows that it was not fitted to. With too few rows of either kind no n-gram weighs.
    """
    weights, bias = np.zeros(found.shape[1]), np.log((own.sum() + 1) / ((~own).sum() + 1))
    folds = min(FOLDS, own.sum(), (~own).sum())
    if folds < 2:
        return weights, bias
    margins = np.empty(len(own))
    for fitted, others in StratifiedKFold(folds, shuffle=True, random_state=0).split(own, own):
        margins[others] = machine.fit(found[fitted], own[fitted]).decision_function(found[others])
    platt = LogisticRegression(C=1e3).fit(margins[:, None], own)
    slope, intercept = platt.coef_[0, 0], platt.intercept_[0]
    machine.fit(found, own)
    return machine.coef_[0] * slope, machine.intercept_[0] * slope + intercept
