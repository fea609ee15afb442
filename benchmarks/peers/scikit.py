"""The classical method for the case's data, with scikit-learn: one fit, its time, its accuracy."""

import numpy as np

from benchmarks.peers import data
from benchmarks.peers.clock import Clock


def run(work: dict) -> dict:
    case = work["case"]
    given = data.load(case, texts=case["experiment"]["task"] == "text_classification")
    features, classifier = METHODS[case["experiment"]["task"]](given, work["seed"])
    target = given.spec.target.name
    clock = Clock({**case, "epochs": 1}, len(given.train[target]))
    clock.training()
    classifier.fit(features(given.train), given.train[target])
    clock.validating()
    clock.ended(np.mean(classifier.predict(features(given.val)) == given.val[target]))
    return clock.result(sum(coefficients(classifier)))


def edges(given: data.Data, seed: int):
    """Histograms of oriented gradients and a linear SVM."""
    from sklearn.svm import LinearSVC

    from pipelines.classical.hog import hog

    (name,) = given.spec.inputs
    return lambda part: hog(part[name], 4), LinearSVC(random_state=seed)


def words(given: data.Data, seed: int):
    """TF-IDF of words and word pairs, and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    classifier = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]"),
        LogisticRegression(C=10.0, max_iter=1000, random_state=seed),
    )
    return lambda part: part[given.spec.request_inputs[0]], classifier


METHODS = {"image_classification": edges, "text_classification": words}


def coefficients(classifier):
    last = classifier[-1] if hasattr(classifier, "steps") else classifier
    return int(last.coef_.size), int(np.size(last.intercept_))


if __name__ == "__main__":
    data.answer(run)
