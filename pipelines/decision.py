"""From class probabilities to a class: the one rule that train chooses, evaluate and serving apply."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Decision:
    """threshold: the positive class (id `positive`) is chosen from this probability on.
    Without a positive class the most probable one is chosen."""

    positive: int | None = None
    threshold: float = 0.5

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """(n, classes) -> (n,) class ids."""
        if self.positive is None:
            return probabilities.argmax(axis=1).astype(np.int32)
        found = probabilities[:, self.positive] >= self.threshold
        return np.where(found, self.positive, 1 - self.positive).astype(np.int32)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Decision":
        return cls(**json.loads(path.read_text("utf-8")))


def choose(probabilities: np.ndarray, targets: np.ndarray, positive: int | None) -> Decision:
    """The threshold with the highest accuracy on these (validation) rows.

    Accuracy is flat between two neighbouring probabilities, and often over a wide range; the
    middle of the widest best range is taken, in log odds, where the range is not squeezed at
    its ends.
    """
    if positive is None:
        return Decision()
    odds = _log_odds(probabilities[:, positive])
    order = np.argsort(odds)
    odds, hits = odds[order], (targets[order] == positive).astype(int)
    # Cut i puts the i lowest rows below the threshold.
    right = (
        np.concatenate([[0], np.cumsum(1 - hits)])
        + hits.sum()
        - np.concatenate([[0], np.cumsum(hits)])
    )
    low = np.concatenate([[-LIMIT], odds])
    high = np.concatenate([odds, [LIMIT]])
    width = np.where((right == right.max()) & (high > low), high - low, -1.0)
    best = int(width.argmax())
    middle = (low[best] + high[best]) / 2
    return Decision(positive, float(1 / (1 + np.exp(-middle))))


LIMIT = 16.0  # float32 probabilities say nothing beyond these log odds


def _log_odds(probability: np.ndarray) -> np.ndarray:
    tiny = 1 / (1 + np.exp(LIMIT))
    clipped = np.clip(probability.astype(np.float64), tiny, 1 - tiny)
    return np.log(clipped / (1 - clipped))
