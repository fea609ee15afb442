"""Calibration and decision rule: from logits to probabilities to a class.

`train` fits a rule on validation rows; evaluation, baselines and the served graph apply it.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

NEWTON_STEPS = 50
TOLERANCE = 1e-9
# A probability this near to the threshold is equal to it: a network that answers all rows alike has
# the share of positives as its probability, one half, and rounding must not decide its answer.
TIE = 1e-6
ROUNDING = 1e-6  # of the largest logit: log-odds that differ by less say the same of all rows


@dataclass(frozen=True)
class DecisionRule:
    """How logits become probabilities, and probabilities a class.

    Binary, with a positive class: its probability is the sigmoid of the Platt-scaled log-odds, and
    it is predicted if that probability is at least `threshold`. Otherwise probabilities are the
    softmax and the class is the argmax.

    Args:
        positive: id of the positive class (of two), or None.
        slope, intercept: of Platt scaling, sigmoid(slope * log-odds + intercept).
        threshold: the least probability at which the positive class is predicted, up to rounding.
        options: for tasks without classes, whose predictions have parameters of their own: the
            beam width of a search.
    """

    positive: int | None = None
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 0.5
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def least(self) -> float:
        """The probability from which the positive class is predicted."""
        return self.threshold - TIE

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n, classes) logits -> (n, classes) probabilities, float64."""
        logits = np.asarray(logits, np.float64)
        if self.positive is None:
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        probability = sigmoid(self.slope * log_odds(logits, self.positive) + self.intercept)
        pair = [1 - probability, probability]
        return np.stack(pair if self.positive == 1 else pair[::-1], axis=1)

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """(n, classes) probabilities -> (n,) class ids."""
        if self.positive is None:
            return probabilities.argmax(axis=1).astype(np.int32)
        is_positive = probabilities[:, self.positive] >= self.least
        return np.where(is_positive, self.positive, 1 - self.positive).astype(np.int32)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "DecisionRule":
        return cls(**json.loads(path.read_text("utf-8")))


def fit_decision_rule(
    logits: np.ndarray, targets: np.ndarray, positive: int | None, false_alarm_cost: float = 1.0
) -> DecisionRule:
    """The decision rule with the lowest expected cost, from validation rows.

    The one calibration of networks and of classical baselines. Log-odds are Platt-scaled; the
    threshold then follows from the costs, cost / (1 + cost). (Searching the rows for the cheapest
    threshold instead would depend on the one or two rows nearest to it.)

    Args:
        logits: (n, 2) of a binary classifier; of a margin m, [0, m]. Ignored without `positive`.
        targets: (n,) class ids.
        positive: id of the positive class; None gives the softmax and the argmax.
        false_alarm_cost: cost of a false positive, where a missed positive costs 1.
    """
    if positive is None:
        return DecisionRule()
    odds = log_odds(np.asarray(logits, np.float64), positive)
    if np.ptp(odds) <= ROUNDING * np.abs(logits).max():
        # A slope would only enlarge rounding errors.
        slope, (_, intercept) = 0.0, platt(np.zeros(len(odds)), targets == positive)
    else:
        slope, intercept = platt(odds, targets == positive)
    return DecisionRule(positive, slope, intercept, false_alarm_cost / (1 + false_alarm_cost))


def platt(odds: np.ndarray, positives: np.ndarray) -> tuple[float, float]:
    """(slope, intercept) of the logistic regression of `positives` on `odds`, by Newton's method.

    Targets are smoothed, (n+ + 1) / (n+ + 2) and 1 / (n- + 2), as if one more row of each class
    had had the other label, so that separable rows have a finite solution (Platt 1999; Lin, Lin
    and Weng 2007). scikit-learn's LogisticRegression, given every row twice with weights, has the
    same solution to 1e-6 (a test holds them together), not to the last digit that results depend
    on, and needs special cases for constant and for very large log-odds.
    """
    count, total = positives.sum(), len(positives)
    smoothed = np.where(positives, (count + 1) / (count + 2), 1 / (total - count + 2))
    scale = np.abs(odds).max() or 1.0  # the step size must not depend on the size of the logits
    features = np.stack([odds / scale, np.ones(total)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(NEWTON_STEPS):
        predicted = sigmoid(features @ weights)
        variance = (predicted * (1 - predicted))[:, None] + 1e-12
        gradient = features.T @ (smoothed - predicted)
        # Least squares: constant log-odds leave the Hessian singular and the slope undetermined.
        step = np.linalg.lstsq((features * variance).T @ features, gradient)[0]
        loss = logistic_loss(features @ weights, smoothed)
        while np.abs(step).max() > TOLERANCE and (
            logistic_loss(features @ (weights + step), smoothed) > loss
        ):
            step = step / 2  # a full step can overshoot where probabilities are saturated
        weights = weights + step
        if np.abs(step).max() < TOLERANCE:
            break
    return float(weights[0] / scale), float(weights[1])


def log_odds(logits: np.ndarray, positive: int) -> np.ndarray:
    """(n, 2) logits -> (n,) log-odds of the positive class."""
    return logits[:, positive] - logits[:, 1 - positive]


def logistic_loss(odds: np.ndarray, targets: np.ndarray) -> float:
    """Sum over rows of the cross-entropy of targets in [0, 1]."""
    return float(np.sum(np.logaddexp(0, odds) - targets * odds))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))  # without overflow for large |x|
