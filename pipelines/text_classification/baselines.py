"""What a model must beat: always saying the commonest class, and counting n-grams."""

import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from pipelines.scoring.classifier import Outputs

PENALTIES = (0.1, 1.0, 10.0)
WORDS_AND_SIGNS = r"\w+|[^\w\s]"


def majority(targets: np.ndarray, rows: int, classes: int) -> Outputs:
    """The class shares of train as probabilities, the commonest class as answer."""
    shares = np.bincount(targets, minlength=classes) / len(targets)
    predicted = np.full(rows, shares.argmax(), np.int32)
    return Outputs(np.tile(shares, (rows, 1)), predicted)


def linear_svm(train, val, test_texts, seed: int) -> Outputs:
    """Support vector machine on TF-IDF n-grams (Joachims 1998), as strong as it can be made.

    train, val: (texts, targets). Words or characters, and the penalty, are chosen by the Matthews
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
        "words 1-2": TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS_AND_SIGNS
        ),
        "characters 1-5": TfidfVectorizer(
            analyzer="char", ngram_range=(1, 5), sublinear_tf=True, lowercase=False
        ),
    }
    return [
        (f"{name}, C={penalty:g}", make_pipeline(clone(f), LinearSVC(C=penalty, random_state=seed)))
        for name, f in features.items()
        for penalty in PENALTIES
    ]


def _margins(machine: Pipeline, texts) -> np.ndarray:
    margins = machine.decision_function(texts)
    return margins[:, None] if margins.ndim == 1 else margins
