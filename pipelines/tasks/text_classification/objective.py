"""Loss, metrics and decision rule of a text classifier; closed-form weights of n-gram SVMs."""

import keras
import numpy as np
from scipy import sparse

from models.layers import NgramSVM
from pipelines.classical.nb_svm import NaiveBayesSVM, log_odds
from pipelines.spec import DataSpec
from pipelines.training.classifier_objective import MONITOR, fit_decision_rule, loss, metrics

__all__ = ["MONITOR", "fit_closed_form", "fit_decision_rule", "loss", "metrics"]


def fit_closed_form(model: keras.Model, train: dict, val: dict, spec: DataSpec) -> None:
    """Fits the linear classifiers on n-grams that a model has, on train alone."""
    for layer in model.layers:
        if isinstance(layer, NgramSVM):
            ids, targets = (
                np.asarray(train[name]) for name in (layer.input.name, spec.target.name)
            )
            layer.set_weights(svm_weights(layer, ids, targets))


def svm_weights(layer: NgramSVM, ids: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """[weights, biases] of the layer: the log-odds of each class."""
    rows, buckets = layer.present_ngrams(ids)
    columns, places = np.unique(buckets, return_inverse=True)
    ones = np.ones(len(rows), np.float32)
    presence = sparse.csr_matrix((ones, (rows, places)), (len(ids), len(columns)))
    weights, biases = (np.zeros(weight.shape, np.float32) for weight in layer.weights)
    for place, label in enumerate([1] if layer.outputs == 2 else range(layer.outputs)):
        classifier = NaiveBayesSVM(layer.penalty, interpolation=1.0, random_state=0)
        weights[columns, place], biases[place] = log_odds(presence, targets == label, classifier)
    return [weights, biases]
