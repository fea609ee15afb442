"""What word vectors answer to the questions of the benchmarks, and the metrics of it.

    wordsim353_spearman, simlex999_spearman   rank correlation of cosines with people's ratings
    semantic_add_accuracy, ..._mul_accuracy   share of analogies that are answered with the fourth
    syntactic_add_accuracy, ..._mul_accuracy  word, by 3CosAdd and 3CosMul
    <benchmark>_covered                       share of its questions whose words are all known

All but the last are over the covered questions. Nothing is known of the others, so compare only
models of one vocabulary. Intervals are over questions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.evaluation import bootstrap
from pipelines.spec import DataSpec
from pipelines.storage import arrays

RATED, ANALOGIES = ("wordsim353", "simlex999"), ("semantic", "syntactic")

weights = bootstrap.weights


@dataclass(frozen=True)
class Outputs:
    """Answers to n questions.

    Args:
        similarity: (n,) float32, the cosine of the first two words.
        add, mul: (n,) bool, whether 3CosAdd and 3CosMul answer with the fourth word; False where
            there are two words.
        selection: the settings that validation selected, for people; "" where there are none.
        vectors: (V, D), where they are known, for figures; not saved.
    """

    similarity: np.ndarray
    add: np.ndarray
    mul: np.ndarray
    selection: str = ""
    vectors: np.ndarray | None = None

    def save(self, folder: Path) -> None:
        arrays.write(folder, {"similarity": self.similarity, "add": self.add, "mul": self.mul})

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        return cls(**arrays.read(folder))


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting of the questions."""
    benchmark = np.asarray(test["benchmark"])
    names = list(spec.task_metadata["benchmarks"])
    values = {}
    for name in RATED:
        rows = benchmark == names.index(name)
        ratings, similarity = np.asarray(test["rating"])[rows], outputs.similarity[rows]
        values[f"{name}_spearman"] = spearman(similarity, ratings, weights[:, rows])
    for name in ANALOGIES:
        rows = benchmark == names.index(name)
        for rule in ("add", "mul"):
            correct = getattr(outputs, rule)[rows]
            values[f"{name}_{rule}_accuracy"] = _mean(correct, weights[:, rows])
    for name, count in spec.task_metadata["benchmarks"].items():
        share = count["covered"] / count["total"]
        values[f"{name}_covered"] = np.full(len(weights), share)
    return values


def spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(w,) Spearman's rank correlations of (n,) x and y under (w, n) weightings.

    A weight of 2 is a row that is there twice; equal values share the mean of their ranks. NaN
    where one of the two is constant.
    """
    weights = weights.astype(np.float64)
    total = weights.sum(axis=1)
    centred = []
    for values in (x, y):
        ranks = _ranks(values, weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            centred.append(ranks - ((ranks * weights).sum(axis=1) / total)[:, None])
    first, second = centred
    covariance = (weights * first * second).sum(axis=1)
    spread = (weights * first**2).sum(axis=1) * (weights * second**2).sum(axis=1)
    undefined = np.full(len(weights), np.nan)
    return np.divide(covariance, np.sqrt(spread), out=undefined, where=spread > 0)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(w, n): how much weight lies below each value, and half of that of its equals."""
    distinct, group = np.unique(values, return_inverse=True)
    members = np.zeros((len(values), len(distinct)))
    members[np.arange(len(values)), group] = 1
    of_group = weights @ members  # (w, groups)
    return (np.cumsum(of_group, axis=1) - of_group / 2)[:, group]


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(w,) weighted means; NaN where nothing was drawn."""
    weights = weights.astype(np.float64)
    total, undefined = weights.sum(axis=1), np.full(len(weights), np.nan)
    return np.divide(weights @ values, total, out=undefined, where=total > 0)
