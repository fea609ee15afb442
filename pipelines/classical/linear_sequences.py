"""Linear maps of whole sequences: a weight for each step and each value, and no state.

Shapes: n rows, T steps, d features, P answered positions (1 where a sequence has one answer), k
outputs of each (1 for a number).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

RARE = -50.0  # the logit of what train never has: a probability of e^-50


@dataclass(frozen=True)
class Features:
    """The features of a sequence: its numbers, or for ids one-hot vectors of some steps.

    Args:
        size: of the one-hot vectors; 0 for numbers.
        steps: (s,) which steps of ids are read: those that vary in train. A step that is always the
            same says nothing.
    """

    size: int
    steps: np.ndarray

    @classmethod
    def of(cls, sequences: np.ndarray, size: int) -> "Features":
        varies = (sequences != sequences[:1]).any(axis=0) if size else np.zeros(0, bool)
        return cls(size, np.flatnonzero(varies))

    def __call__(self, sequences: np.ndarray) -> np.ndarray:
        """(n, d) float64."""
        if not self.size:
            return np.asarray(sequences, np.float64).reshape(len(sequences), -1)
        one_hot = np.eye(self.size)[np.asarray(sequences)[:, self.steps]]  # (n, s, size)
        return one_hot.reshape(len(sequences), -1)


@dataclass(frozen=True)
class LinearMap:
    """features @ weights + biases: a number, or logits whose softmax are probabilities.

    Args:
        positions: (p,) of the P answered positions, those whose answer depends on the sequence.
        weights: (p, d, k).
        biases: (P, k).
        is_number: whether the answer is a number.
    """

    positions: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    is_number: bool

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(n, P, k) numbers or probabilities, float64."""
        outputs = np.repeat(self.biases[None], len(features), axis=0)
        outputs[:, self.positions] += np.einsum("nd,pdk->npk", features, self.weights)
        return outputs if self.is_number else softmax(outputs, axis=2)


def ridge(features: np.ndarray, targets: np.ndarray, penalty: float) -> LinearMap:
    """Least squares with `penalty` times the squared norm of the weights (Hoerl and Kennard 1970).

    targets: (n,) numbers.
    """
    mean, level = features.mean(axis=0), targets.mean(dtype=np.float64)
    centred = features - mean
    products = centred.T @ centred + penalty * np.eye(features.shape[1])
    weights = np.linalg.solve(products, centred.T @ (targets - level))  # (d,)
    biases = np.array([[level - mean @ weights]])
    return LinearMap(np.zeros(1, np.int64), weights[None, :, None], biases, is_number=True)


def logistic(features: np.ndarray, targets: np.ndarray, classes: int, penalty: float) -> LinearMap:
    """Multinomial logistic regression of the class at each position.

    Args:
        features: (n, d).
        targets: (n, P) class ids.
        classes: k.
        penalty: of the squared norm of the weights; 1 / C of scikit-learn.
    """
    from sklearn.linear_model import LogisticRegression  # here: a second that `restore` needs not

    varies = (targets != targets[:1]).any(axis=0)
    positions = np.flatnonzero(varies)
    biases = np.full((targets.shape[1], classes), RARE)
    biases[~varies, targets[0, ~varies]] = 0
    weights = np.zeros((len(positions), features.shape[1], classes))
    for number, position in enumerate(positions):
        model = LogisticRegression(C=1 / penalty, max_iter=1000, tol=1e-3)
        model.fit(features, targets[:, position])
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn has the second class's alone
            coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
            intercepts = np.concatenate([[0.0], intercepts])
        weights[number][:, model.classes_] = coefficients.T
        biases[position, model.classes_] = intercepts
    return LinearMap(positions, weights, biases, is_number=False)
