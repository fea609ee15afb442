"""Baselines of text classification: the majority class, and linear classifiers on n-grams.

- tfidf_svm: a support vector machine on TF-IDF (Joachims, ECML 1998,
  https://doi.org/10.1007/BFb0026683).
- nb_svm: see `pipelines.classical.nb_svm`.
- best: the better of the two in validation.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from pipelines.classical.calibration import PlattCalibration, margins
from pipelines.classical.nb_svm import NaiveBayesSVM
from pipelines.evaluation.classifier import Outputs, majority
from pipelines.spec import DataSpec

FOLDS = 5
FEW_ROWS = 5000  # up to here by cross-validation; beyond, val is large enough
# Beyond so many characters their n-grams take an hour and tens of gigabytes; words are counted.
MANY_CHARACTERS = 10_000_000
PENALTIES = {"tfidf_svm": (0.1, 1.0, 10.0), "nb_svm": (0.03, 0.1, 1.0)}
# The paper's, and less of it: interpolation moves the boundary where classes are imbalanced.
INTERPOLATIONS = (0.25, 0.5, 1.0)
WORDS_AND_SIGNS = r"\w+|[^\w\s]"


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    (train_x, train_y), (val_x, val_y) = (
        (list(split[spec.request_inputs[0]]), np.asarray(split[spec.target.name]))
        for split in (train, val)
    )
    yield "baseline_majority", majority(train_y, len(test[spec.target.name]), spec.outputs)
    texts = list(test[spec.request_inputs[0]])
    for name, outputs in linear_ngrams((train_x, train_y), (val_x, val_y), texts, seed):
        yield f"baseline_{name}", outputs


def linear_ngrams(train, val, test_texts, seed: int) -> Iterator[tuple[str, Outputs]]:
    """Linear classifiers on n-grams of words or characters; "best" is the better family.

    The n-grams and the penalty are selected by the Matthews correlation on rows that the classifier
    was not fitted to: by cross-validation over train and val, so that a small corpus gives its
    baselines all it has, or on val alone where rows are many. The selected classifier is then
    fitted to train and val together. Probabilities are by Platt scaling of the margins on the same
    held-out rows.

    Args:
        train, val: (texts, targets).
        test_texts: to be classified.
        seed: of the folds and the solver.
    """
    texts, targets = [*train[0], *val[0]], np.concatenate([train[1], val[1]])
    folds = validation_folds(targets, len(train[1]), seed)
    best_family, best_correlation, best_outputs = "", -np.inf, None
    for family, vectorizers in candidates(texts, seed).items():
        trials = {}
        for ngrams, (vectorizer, classifiers) in vectorizers.items():
            results = validate(vectorizer, classifiers, texts, targets, folds)
            trials |= {(ngrams, name): result for name, result in results.items()}
        best = max(trials, key=lambda names: trials[names].correlation)
        correlation = trials[best].correlation
        calibration = PlattCalibration.fit(trials[best].margins, trials[best].targets)
        vectorizer, classifiers = vectorizers[best[0]]
        final = make_pipeline(clone(vectorizer), clone(classifiers[best[1]])).fit(texts, targets)
        outputs = Outputs(
            calibration(margins(final, test_texts)),
            final.predict(test_texts).astype(np.int32),
            f"{', '.join(best)}, Matthews correlation {correlation:.3f} in validation",
        )
        yield family, outputs
        if correlation > best_correlation:
            best_family, best_correlation, best_outputs = family, correlation, outputs
    yield "best", replace(best_outputs, selection=best_family)


@dataclass(frozen=True)
class Validation:
    """A classifier's results on rows that it was not fitted to. margins: (n, 1) or (n, k)."""

    correlation: float
    margins: np.ndarray
    targets: np.ndarray


def validation_folds(
    targets: np.ndarray, train_rows: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(rows to fit to, rows to validate on)]."""
    rows = np.arange(len(targets))
    folds = min(FOLDS, np.bincount(targets).min())
    if len(rows) > FEW_ROWS or folds < 2:
        return [(rows[:train_rows], rows[train_rows:])]
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, targets))


def validate(
    vectorizer, classifiers: dict, texts: list[str], targets, folds
) -> dict[str, Validation]:
    """Name -> results. N-grams are counted once a fold, not once a classifier."""
    results = {name: [] for name in classifiers}
    held_out = np.concatenate([targets[rows] for _, rows in folds])
    for fitted, rows in folds:
        vectorizer = clone(vectorizer)
        train_features = vectorizer.fit_transform([texts[row] for row in fitted])
        features = vectorizer.transform([texts[row] for row in rows])
        for name, classifier in fit_all(classifiers, train_features, targets[fitted]).items():
            results[name].append((classifier.predict(features), margins(classifier, features)))
    validations = {}
    for name, parts in results.items():
        predicted, distances = map(np.concatenate, zip(*parts, strict=True))
        correlation = matthews_corrcoef(held_out, predicted)
        validations[name] = Validation(correlation, distances, held_out)
    return validations


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


def candidates(texts: list[str], seed: int) -> dict[str, dict[str, tuple]]:
    """Family -> n-grams -> (vectorizer, name -> classifier), nothing fitted yet."""
    words, characters = {"token_pattern": WORDS_AND_SIGNS}, {"analyzer": "char"}
    tfidf = {"words 1-2": TfidfVectorizer(**words, ngram_range=(1, 2), sublinear_tf=True)}
    presence = {
        f"words 1-{longest}": CountVectorizer(**words, ngram_range=(1, longest), binary=True)
        for longest in (2, 3)
    }
    if sum(map(len, texts)) <= MANY_CHARACTERS:
        tfidf["characters 1-5"] = TfidfVectorizer(
            **characters, ngram_range=(1, 5), sublinear_tf=True, lowercase=False
        )
        presence["characters 1-7"] = CountVectorizer(**characters, ngram_range=(1, 7), binary=True)
    svms = {f"C={c:g}": LinearSVC(C=c, random_state=seed) for c in PENALTIES["tfidf_svm"]}
    nb_svms = {
        f"interpolation={share:g}, C={c:g}": NaiveBayesSVM(c, 1.0, share, seed)
        for c in PENALTIES["nb_svm"]
        for share in INTERPOLATIONS
    }
    return {
        "tfidf_svm": {ngrams: (vectorizer, svms) for ngrams, vectorizer in tfidf.items()},
        "nb_svm": {ngrams: (vectorizer, nb_svms) for ngrams, vectorizer in presence.items()},
    }
