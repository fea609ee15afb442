"""What a model must beat: always saying the commonest class, and counting n-grams."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from pipelines.scoring.classifier import Outputs

PENALTIES = (0.1, 1.0, 10.0)
INTERPOLATIONS = (0.25, 0.5, 1.0)  # the paper's, and less of it: it shifts uneven classes apart
WORDS_AND_SIGNS = r"\w+|[^\w\s]"


def majority(targets: np.ndarray, rows: int, classes: int) -> Outputs:
    """The class shares of train as probabilities, the commonest class as answer."""
    shares = np.bincount(targets, minlength=classes) / len(targets)
    predicted = np.full(rows, shares.argmax(), np.int32)
    return Outputs(np.tile(shares, (rows, 1)), predicted)


class NaiveBayesSVM(ClassifierMixin, BaseEstimator):
    """Support vector machine on n-grams that are there or not, each times its log-count ratio.

    The ratio of an n-gram, log of its share in a class to its share in the rest, is what naive
    Bayes would weigh it with. The learned weights are drawn towards their mean size by
    `interpolation` (of 1, nothing is drawn; of 0, this is naive Bayes); counts start at
    `smoothing`. More than two classes are each held against the rest.

    Reference: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
    Classification", ACL 2012, whose values the defaults are.
    """

    def __init__(self, C=1.0, smoothing=1.0, interpolation=0.25, random_state=None):
        self.C, self.smoothing = C, smoothing
        self.interpolation, self.random_state = interpolation, random_state

    def fit(self, found, targets):
        """found: (rows, n-grams), sparse, of 0 and 1."""
        self.classes_ = np.unique(targets)
        told_apart = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        pairs = [self._against_rest(found, targets == name) for name in told_apart]
        self.coef_ = np.stack([weights for weights, _ in pairs])
        self.intercept_ = np.array([intercept for _, intercept in pairs])
        return self

    def _against_rest(self, found, own) -> tuple[np.ndarray, float]:
        ratio = log_count_ratio(found, own, self.smoothing)
        machine = LinearSVC(C=self.C, random_state=self.random_state)
        machine.fit(found.multiply(ratio).tocsr(), own)
        learned, share = machine.coef_[0], self.interpolation
        weights = (1 - share) * np.abs(learned).mean() + share * learned
        return weights * ratio, machine.intercept_[0]

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


def linear_ngrams(train, val, test_texts, seed: int) -> Outputs:
    """A linear machine on n-grams, as strong as it can be made.

    train, val: (texts, targets). A support vector machine on TF-IDF of words or of characters
    (Joachims 1998) or NB-SVM (Wang and Manning 2012), and the penalty, are chosen by the Matthews
    correlation on val; the chosen machine is then fitted on train and val together. Probabilities
    are Platt's, from the margins on val (Platt 1999).
    """
    machines = dict(_candidates(seed))
    quality = {
        name: matthews_corrcoef(val[1], machine.fit(*train).predict(val[0]))
        for name, machine in machines.items()
    }
    chosen = max(quality, key=quality.get)
    platt = LogisticRegression(C=1e3).fit(_margins(machines[chosen], val[0]), val[1])
    texts, targets = [*train[0], *val[0]], np.concatenate([train[1], val[1]])
    final = clone(machines[chosen]).fit(texts, targets)
    probabilities = platt.predict_proba(_margins(final, test_texts))
    return Outputs(probabilities, final.predict(test_texts).astype(np.int32), chosen)


def _candidates(seed: int) -> list[tuple[str, Pipeline]]:
    features = {
        "TF-IDF of words 1-2": TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS_AND_SIGNS
        ),
        "TF-IDF of characters 1-5": TfidfVectorizer(
            analyzer="char", ngram_range=(1, 5), sublinear_tf=True, lowercase=False
        ),
    }
    there = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=WORDS_AND_SIGNS)
    kinds = [(name, how, LinearSVC(random_state=seed)) for name, how in features.items()]
    kinds += [
        (f"NB-SVM of words 1-2, interpolation={share:g}", there,
         NaiveBayesSVM(interpolation=share, random_state=seed))
        for share in INTERPOLATIONS
    ]  # fmt: skip
    return [
        (f"{name}, C={penalty:g}", make_pipeline(clone(how), clone(machine).set_params(C=penalty)))
        for name, how, machine in kinds
        for penalty in PENALTIES
    ]


def _margins(machine: Pipeline, texts) -> np.ndarray:
    margins = machine.decision_function(texts)
    return margins[:, None] if margins.ndim == 1 else margins
