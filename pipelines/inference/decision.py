"""From logits to probabilities to a class: a rule that train fits and everything else applies."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

NEWTON_STEPS = 50


@dataclass(frozen=True)
class Decision:
    """With a positive class (id `positive`, of two), its probability is calibrated,
    sigmoid(slope * log odds + intercept), and it is chosen from `threshold` on.
    Without one, probabilities are the softmax and the most probable class is chosen. `options` is
    for tasks without classes, whose decisions have parameters of their own (how wide to search)."""

    positive: int | None = None
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 0.5
    options: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n, classes) logits -> (n, classes) probabilities, float64."""
        logits = np.asarray(logits, np.float64)
        if self.positive is None:
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        found = sigmoid(self.slope * log_odds(logits, self.positive) + self.intercept)
        pair = [1 - found, found] if self.positive == 1 else [found, 1 - found]
        return np.stack(pair, axis=1)

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """(n, classes) probabilities -> (n,) class ids."""
        if self.positive is None:
            return probabilities.argmax(axis=1).astype(np.int32)
        found = probabilities[:, self.positive] >= self.threshold
        return np.where(found, self.positive, 1 - self.positive).astype(np.int32)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Decision":
        return cls(**json.loads(path.read_text("utf-8")))


def choose(
    logits: np.ndarray, targets: np.ndarray, positive: int | None, false_alarm_cost: float = 1.0
) -> Decision:
    """The rule that costs least on rows like these (validation) rows.

    Probabilities are calibrated by Platt's method; the positive class is then worth choosing from
    the probability cost / (1 + cost) on, where a missed positive costs 1 and a false alarm
    `false_alarm_cost`. Searching the rows themselves for the cheapest threshold would hang on the
    one or two of them nearest to it.
    """
    if positive is None:
        return Decision()
    slope, intercept = platt(
        log_odds(np.asarray(logits, np.float64), positive), targets == positive
    )
    return Decision(positive, slope, intercept, false_alarm_cost / (1 + false_alarm_cost))


def platt(odds: np.ndarray, positives: np.ndarray) -> tuple[float, float]:
    """(slope, intercept) of the logistic regression of `positives` on `odds`, by Newton's method.

    Targets are drawn in from 0 and 1 as if one more row of each class had been on the other side,
    so that separable rows have a finite answer (Platt 1999; Lin, Lin and Weng 2007).
    """
    count, total = positives.sum(), len(positives)
    aims = np.where(positives, (count + 1) / (count + 2), 1 / (total - count + 2))
    scale = np.abs(odds).max() or 1.0  # logits of any size are fitted alike
    features = np.stack([odds / scale, np.ones(total)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(NEWTON_STEPS):
        said = sigmoid(features @ weights)
        spread = (said * (1 - said))[:, None] + 1e-12
        slopes = features.T @ (aims - said)
        # The least step: where a model says the same of every row, the slope is anyone's guess.
        step = np.linalg.lstsq((features * spread).T @ features, slopes)[0]
        loss = logistic_loss(features @ weights, aims)
        while logistic_loss(features @ (weights + step), aims) > loss and np.abs(step).max() > 1e-9:
            step = step / 2  # a full step can overshoot where probabilities are saturated
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0] / scale), float(weights[1])


def log_odds(logits: np.ndarray, positive: int) -> np.ndarray:
    return logits[:, positive] - logits[:, 1 - positive]


def logistic_loss(odds: np.ndarray, aims: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0, odds) - aims * odds))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))
