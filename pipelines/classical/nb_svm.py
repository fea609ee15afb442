"""NB-SVM: a linear support vector machine on n-grams that are weighted by naive Bayes.

With p_j the share of n-gram j among the n-grams of one class (counts start at a `smoothing` of 1)
and q_j its share in all other classes, naive Bayes weights the presence x_j of the n-gram by the
log-count ratio r_j = log(p_j / q_j). A linear SVM is fitted to the features r_j * x_j. Its weights
w are interpolated with their mean magnitude m = mean |w|: w' = (1 - b) * m + b * w.

Reference: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012, https://aclanthology.org/P12-2018/.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from pipelines.inference.decision import platt

CALIBRATION_FOLDS = 3


class NaiveBayesSVM(ClassifierMixin, BaseEstimator):
    """A scikit-learn classifier; more than two classes are fitted one against the rest.

    Args:
        C: inverse strength of the L2 penalty of the support vector machine.
        smoothing: added to the count of every n-gram in every class.
        interpolation: b above. 1 is the SVM on weighted features, 0 is naive Bayes. It may be
            changed after fitting.
        random_state: seed of the solver.

    The defaults are the paper's values.
    """

    def __init__(self, C=1.0, smoothing=1.0, interpolation=0.25, random_state=None):
        self.C, self.smoothing = C, smoothing
        self.interpolation, self.random_state = interpolation, random_state

    def fit(self, presence, targets):
        """presence: (rows, n-grams), sparse, of 0 and 1."""
        self.classes_ = np.unique(targets)
        positives = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        parts = [self._against_rest(presence, targets == label) for label in positives]
        self.ratio_, self.learned_, self.intercept_ = map(np.stack, zip(*parts, strict=True))
        return self

    def _against_rest(self, presence, in_class) -> tuple[np.ndarray, np.ndarray, float]:
        ratio = log_count_ratio(presence, in_class, self.smoothing)
        classifier = LinearSVC(C=self.C, random_state=self.random_state)
        classifier.fit(presence.multiply(ratio).tocsr(), in_class)
        return ratio, classifier.coef_[0], classifier.intercept_[0]

    @property
    def coef_(self) -> np.ndarray:
        """(classifiers, n-grams) weights of the presences, after the interpolation."""
        mean, share = np.abs(self.learned_).mean(axis=1, keepdims=True), self.interpolation
        return ((1 - share) * mean + share * self.learned_) * self.ratio_

    def decision_function(self, presence) -> np.ndarray:
        margins = presence @ self.coef_.T + self.intercept_
        return margins[:, 0] if len(self.classes_) == 2 else margins

    def predict(self, presence) -> np.ndarray:
        margins = self.decision_function(presence)
        ids = (margins > 0).astype(int) if margins.ndim == 1 else margins.argmax(axis=1)
        return self.classes_[ids]


def log_count_ratio(presence, in_class: np.ndarray, smoothing: float) -> np.ndarray:
    """(n-grams,) log of each n-gram's share in the rows of a class to its share in the others."""
    inside, outside = (
        smoothing + np.asarray(presence[rows].sum(axis=0), np.float64).ravel()
        for rows in (in_class, ~in_class)
    )
    return np.log(inside / inside.sum()) - np.log(outside / outside.sum())


def log_odds(presence, in_class: np.ndarray, classifier: NaiveBayesSVM) -> tuple[np.ndarray, float]:
    """(weight of each n-gram, bias) of the log odds that a row belongs to a class.

    Margins are calibrated by Platt scaling on rows that the classifier was not fitted to, by
    cross-validation. With fewer than two rows of either kind every weight is 0, and the bias is the
    log odds of the smoothed class counts.

    Args:
        presence: (rows, n-grams), sparse, of 0 and 1.
        in_class: (rows,) booleans.
        classifier: fitted to all rows when this returns.
    """
    positives, negatives = in_class.sum(), (~in_class).sum()
    folds = min(CALIBRATION_FOLDS, positives, negatives)
    if folds < 2:
        return np.zeros(presence.shape[1]), np.log((positives + 1) / (negatives + 1))
    margins = np.empty(len(in_class))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    for fitted, held_out in splitter.split(in_class, in_class):
        classifier.fit(presence[fitted], in_class[fitted])
        margins[held_out] = classifier.decision_function(presence[held_out])
    slope, intercept = platt(margins, in_class)
    classifier.fit(presence, in_class)
    return classifier.coef_[0] * slope, classifier.intercept_[0] * slope + intercept
