"""What a model must beat: counting n-grams."""

import copy
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from pipelines.classical.nb_svm import NaiveBayesSVM
from pipelines.evaluation.classifier import Outputs, margins

FOLDS = 5
FEW_ROWS = 5000  # up to here the machines are fitted once a fold; beyond, val is large enough
# Beyond so many characters their n-grams take an hour and tens of gigabytes; words are counted.
MANY_CHARACTERS = 10_000_000
PENALTIES = {"tfidf_svm": (0.1, 1.0, 10.0), "nb_svm": (0.03, 0.1, 1.0)}
INTERPOLATIONS = (0.25, 0.5, 1.0)  # the paper's, and less of it: it shifts uneven classes apart
WORDS_AND_SIGNS = r"\w+|[^\w\s]"


def linear_ngrams(train, val, test_texts, seed: int) -> dict[str, Outputs]:
    """Linear machines on n-grams, as strong as they can be made; "best" is the better of them.

    train, val: (texts, targets). A support vector machine on TF-IDF (Joachims 1998) and NB-SVM
    (Wang and Manning 2012), of words or of characters. What to count and the penalty are chosen by
    the Matthews correlation on rows that the machine was not fitted to: every row of train and val
    in turn, so that a small corpus gives its baselines all it has, or val alone where rows are
    many. The chosen machine is then fitted on train and val together. Probabilities are Platt's,
    from the margins on the same rows (Platt 1999).
    """
    texts, targets = [*train[0], *val[0]], np.concatenate([train[1], val[1]])
    divisions = divide(targets, len(train[1]), seed)
    found, quality = {}, {}
    for family, counters in candidates(texts, seed).items():
        trials = {}
        for what, (counter, machines) in counters.items():
            trials |= {
                (what, name): found_in
                for name, found_in in trial(counter, machines, texts, targets, divisions).items()
            }
        chosen = max(trials, key=lambda names: trials[names].correlation)
        quality[family] = trials[chosen].correlation
        platt = LogisticRegression(C=1e3).fit(trials[chosen].margins, trials[chosen].targets)
        counter, machines = counters[chosen[0]]
        final = make_pipeline(clone(counter), clone(machines[chosen[1]])).fit(texts, targets)
        found[family] = Outputs(
            platt.predict_proba(margins(final, test_texts)),
            final.predict(test_texts).astype(np.int32),
            f"{', '.join(chosen)}, Matthews correlation {quality[family]:.3f} where it was chosen",
        )
    best = max(quality, key=quality.get)
    return found | {"best": replace(found[best], chosen=best)}


@dataclass(frozen=True)
class Trial:
    """How a machine did on rows it was not fitted to."""

    correlation: float
    margins: np.ndarray
    targets: np.ndarray


def divide(targets: np.ndarray, train_rows: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(rows to fit, rows to judge by)]."""
    rows = np.arange(len(targets))
    folds = min(FOLDS, np.bincount(targets).min())
    if len(rows) > FEW_ROWS or folds < 2:
        return [(rows[:train_rows], rows[train_rows:])]
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, targets))


def trial(counter, machines: dict, texts: list[str], targets, divisions) -> dict[str, Trial]:
    """Of each machine. What it is given is counted once a division, not once a machine."""
    seen = {name: [] for name in machines}
    right = np.concatenate([targets[judged] for _, judged in divisions])
    for fitted, judged in divisions:
        counter = clone(counter)
        own = counter.fit_transform([texts[row] for row in fitted])
        others = counter.transform([texts[row] for row in judged])
        for name, machine in fit_all(machines, own, targets[fitted]).items():
            seen[name].append((machine.predict(others), margins(machine, others)))
    trials = {}
    for name, parts in seen.items():
        said, far = map(np.concatenate, zip(*parts, strict=True))
        trials[name] = Trial(matthews_corrcoef(right, said), far, right)
    return trials


def fit_all(machines: dict, found, targets) -> dict:
    """The machines, fitted; those that differ in `interpolation` alone share what is learned."""
    fitted, learned = {}, {}
    for name, machine in machines.items():
        if not isinstance(machine, NaiveBayesSVM):
            fitted[name] = clone(machine).fit(found, targets)
            continue
        if machine.C not in learned:
            learned[machine.C] = clone(machine).fit(found, targets)
        fitted[name] = copy.copy(learned[machine.C]).set_params(interpolation=machine.interpolation)
    return fitted


def candidates(texts: list[str], seed: int) -> dict[str, dict[str, tuple]]:
    """Family -> what is counted -> (counter, name -> machine), nothing fitted yet."""
    words, characters = {"token_pattern": WORDS_AND_SIGNS}, {"analyzer": "char"}
    tfidf = {"words 1-2": TfidfVectorizer(**words, ngram_range=(1, 2), sublinear_tf=True)}
    there = {
        f"words 1-{longest}": CountVectorizer(**words, ngram_range=(1, longest), binary=True)
        for longest in (2, 3)
    }
    if sum(map(len, texts)) <= MANY_CHARACTERS:
        tfidf["characters 1-5"] = TfidfVectorizer(
            **characters, ngram_range=(1, 5), sublinear_tf=True, lowercase=False
        )
        there["characters 1-7"] = CountVectorizer(**characters, ngram_range=(1, 7), binary=True)
    svms = {f"C={c:g}": LinearSVC(C=c, random_state=seed) for c in PENALTIES["tfidf_svm"]}
    nb_svms = {
        f"interpolation={share:g}, C={c:g}": NaiveBayesSVM(c, 1.0, share, seed)
        for c in PENALTIES["nb_svm"]
        for share in INTERPOLATIONS
    }
    return {
        "tfidf_svm": {what: (counter, svms) for what, counter in tfidf.items()},
        "nb_svm": {what: (counter, nb_svms) for what, counter in there.items()},
    }
