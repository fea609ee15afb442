"""Probabilities from the margins of classifiers that have none, by Platt's method.

A support vector machine answers with signed distances from its decision boundary. Platt scaling
fits p(class | margin) = sigmoid(slope * margin + intercept) on rows that the machine was not fitted
to; `pipelines.inference.decision.platt` is the only implementation in this project, without a
penalty on the slope, and with Platt's smoothed targets, (n + 1) / (n + 2), that keep the slope
finite where the rows are separable.

Several classes are calibrated one against the rest, which is the usual extension (Zadrozny and
Elkan 2002). The k probabilities p_j then need not sum to 1. They are taken as independent and
conditioned on exactly one class being the true one:

    P(j) = [p_j / (1 - p_j)] / sum over i of [p_i / (1 - p_i)],

the softmax of the calibrated log odds. Zadrozny and Elkan, and scikit-learn, divide by the sum of
the p_j instead. With k classes and few calibration rows that leaves the k - 1 smoothed targets of
the wrong classes in the sum: on `digits_low` (135 rows, 5 classes, all separable) a classifier
without a mistake gets a log loss of 0.075 by the quotient and of 0.007 by the odds.

References: Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized
Likelihood Methods", 1999; Zadrozny and Elkan, "Transforming Classifier Scores into Accurate
Multiclass Probability Estimates", KDD 2002, https://doi.org/10.1145/775047.775151.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.inference.decision import DecisionRule, platt, sigmoid


def margins(classifier, rows) -> np.ndarray:
    """(n, 1) signed distances of a fitted scikit-learn classifier of two classes, else (n, k)."""
    distances = classifier.decision_function(rows)
    return distances[:, None] if distances.ndim == 1 else distances


@dataclass(frozen=True)
class PlattCalibration:
    """slopes, intercepts: one for two classes, else one for each class, (k,)."""

    slopes: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def fit(cls, margins: np.ndarray, targets: np.ndarray) -> "PlattCalibration":
        """Fits to rows that the classifier was not fitted to.

        Args:
            margins: (n, 1) of two classes, positive for class 1; (n, k) of k classes.
            targets: (n,) class ids, 0 to k - 1.
        """
        columns = margins.shape[1]
        positives = [1] if columns == 1 else range(columns)
        pairs = [
            platt(margins[:, column], targets == positive)
            for column, positive in enumerate(positives)
        ]
        return cls(*map(np.array, zip(*pairs, strict=True)))

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        """(n, 1) or (n, k) margins -> (n, 2) or (n, k) probabilities."""
        log_odds = margins * self.slopes + self.intercepts
        if log_odds.shape[1] == 1:
            positive = sigmoid(log_odds[:, 0])
            return np.stack([1 - positive, positive], axis=1)
        powers = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def answers(self, margins: np.ndarray) -> dict[str, np.ndarray]:
        """The arguments of a classifier's `Outputs`: probabilities, and the class by the margins.

        The class is the one on whose side of the boundary a row lies, whatever its probability: the
        classifier was selected by that decision. The served graph answers in float32, so that is
        what is scored.
        """
        predicted = margins[:, 0] > 0 if margins.shape[1] == 1 else margins.argmax(axis=1)
        return {
            "probabilities": self(margins).astype(np.float32),
            "predicted": predicted.astype(np.int32),
        }

    def decision_rule(self, positive: int | None) -> DecisionRule:
        """The same decision as a threshold of the positive class's probability, for figures."""
        if positive is None or len(self.slopes) > 1:
            return DecisionRule()
        slope, intercept = float(self.slopes[0]), float(self.intercepts[0])
        sign = 1 if positive == 1 else -1
        threshold = float(sigmoid(np.float64(sign * intercept)))
        return DecisionRule(positive, slope, sign * intercept, threshold)
