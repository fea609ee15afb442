"""Which n-grams and which classifier suit a corpus, by validation."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import StratifiedGroupKFold

from pipelines.classical.calibration import margins
from pipelines.classical.nb_svm import NaiveBayesSVM
from pipelines.classical.ngram_features import Ngrams
from pipelines.classical.progress import Countdown
from pipelines.classical.text_candidates import Candidate
from pipelines.preprocessing import near_duplicates

FOLDS = 5
FEW_ROWS = 5000  # up to here by cross-validation; beyond, val is large enough
NEVER = -1e3  # the margin of a class without a row to learn from


@dataclass(frozen=True)
class Choice:
    """A candidate with the classifier that was the best on rows that it was not fitted to.

    margins: (n, 1) of two classes or (n, k), of these rows. targets: (n,).
    """

    candidate: Candidate
    classifier: str
    correlation: float
    margins: np.ndarray
    targets: np.ndarray

    @property
    def settings(self) -> str:
        """For people."""
        return (
            f"{self.candidate.name}, {self.classifier}, "
            f"Matthews correlation {self.correlation:.3f} in validation"
        )


def select(
    candidates: Sequence[Candidate], texts: list[str], targets: np.ndarray, folds, classes: int
) -> dict[str, Choice]:
    """Component -> its best candidate, by the Matthews correlation; of equals the first.

    Args:
        candidates: to be tried.
        texts, targets: of train and val together.
        folds: [(rows to fit to, rows to validate on)].
        classes: of the data set, whether or not all of them occur.
    """
    results: dict[tuple[int, str], list] = {}
    countdown = Countdown("linear_text", len(folds) * len(candidates), "sets of candidates")
    for fitted, rows in folds:
        counted = cache(_counter([texts[row] for row in fitted], [texts[row] for row in rows]))
        for number, candidate in enumerate(candidates):
            train, held_out = (
                side_by_side(parts)
                for parts in zip(*(counted(ngrams) for ngrams in candidate.ngrams), strict=True)
            )
            for name, classifier in fit_all(candidate.classifiers, train, targets[fitted]).items():
                result = classifier.predict(held_out), class_margins(classifier, held_out, classes)
                results.setdefault((number, name), []).append(result)
            countdown.step()
    judged = np.concatenate([targets[rows] for _, rows in folds])
    choices: dict[str, Choice] = {}
    for (number, name), parts in results.items():
        predicted, distances = map(np.concatenate, zip(*parts, strict=True))
        correlation = matthews_corrcoef(judged, predicted)
        choice = Choice(candidates[number], name, correlation, distances, judged)
        best = choices.setdefault(choice.candidate.component, choice)
        if correlation > best.correlation:
            choices[choice.candidate.component] = choice
    return choices


def _counter(train: list[str], held_out: list[str]) -> Callable[[Ngrams], tuple]:
    """n-grams -> features of both; several candidates have the same n-grams."""

    def count(ngrams: Ngrams) -> tuple:
        vectorizer = ngrams.vectorizer()
        return vectorizer.fit_transform(train), vectorizer.transform(held_out)

    return count


def side_by_side(parts: Sequence):
    """Sparse features of the same rows as one matrix."""
    return parts[0] if len(parts) == 1 else sparse.hstack(parts, format="csr")


def validation_folds(
    texts: Sequence[str], targets: np.ndarray, train_rows: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(rows to fit to, rows to validate on)].

    By cross-validation over train and val, so that a small corpus gives all it has, or on val alone
    where rows are many. Near-duplicates are in one fold, as they are in one split: a candidate that
    only recognizes texts again would seem to be the best otherwise.
    """
    rows = np.arange(len(targets))
    if len(rows) > FEW_ROWS:
        return [(rows[:train_rows], rows[train_rows:])]
    groups = near_duplicates.group_near_duplicates(texts)
    of_class = {
        (group, target) for group, target in zip(groups.tolist(), targets.tolist(), strict=True)
    }
    counts = np.bincount([target for _, target in of_class])
    folds = min(FOLDS, counts[counts > 0].min())
    if folds < 2:
        return [(rows[:train_rows], rows[train_rows:])]
    divided = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(divided.split(rows, targets, groups))


def fit_all(classifiers: dict, features, targets) -> dict:
    """The classifiers, fitted; those that differ in `interpolation` alone share the SVM."""
    fitted, by_penalty = {}, {}
    for name, classifier in classifiers.items():
        if not isinstance(classifier, NaiveBayesSVM):
            fitted[name] = clone(classifier).fit(features, targets)
            continue
        if classifier.C not in by_penalty:
            by_penalty[classifier.C] = clone(classifier).fit(features, targets)
        same_svm = copy.copy(by_penalty[classifier.C])
        fitted[name] = same_svm.set_params(interpolation=classifier.interpolation)
    return fitted


def class_margins(classifier, features, classes: int) -> np.ndarray:
    """(n, 1) margins of a data set with two classes, else (n, classes)."""
    distances = margins(classifier, features)  # of the classes that it was fitted to
    learned = classifier.classes_
    if len(learned) == classes:
        return distances
    every = np.full((len(distances), classes), NEVER)
    every[:, learned] = np.hstack([-distances, distances]) if len(learned) == 2 else distances
    return every


def class_weights(classifier, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(features, 1 or classes) weights and their biases, by which margins are as above."""
    weights, biases = classifier.coef_.T, classifier.intercept_
    learned = classifier.classes_
    if len(learned) == classes:
        return weights, biases
    every, every_bias = np.zeros((len(weights), classes)), np.full(classes, NEVER)
    if len(learned) == 2:
        weights, biases = np.hstack([-weights, weights]), np.append(-biases, biases)
    every[:, learned], every_bias[learned] = weights, biases
    return every, every_bias
