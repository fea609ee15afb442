"""Word vectors by counting: positive pointwise mutual information, and the best matrix of low rank.

Skip-gram with negative sampling factorizes a shifted matrix of the same kind (Levy and Goldberg
2014, https://papers.nips.cc/paper/5477), so this is its strong baseline.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.classical import Selection
from pipelines.classical import word_vectors
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays


def ppmi_svd(
    spec: DataSpec, *, embedding_dim: int = 200, window: int = 5, context_power: float = 0.75,
    singular_power: float = 0.5,
) -> "CountedVectors":  # fmt: skip
    """Vectors U S^p of the truncated singular value decomposition U S V' of the PPMI matrix.

    Reference: Levy, Goldberg and Dagan 2015, https://aclanthology.org/Q15-1016.

    Args:
        spec: of a data set of documents.
        embedding_dim: size of a word's vector, the rank.
        window: how many words on either side are its context.
        context_power: smooths the distribution of contexts; see `ppmi`.
        singular_power: p.
    """
    return CountedVectors(spec, embedding_dim, window, context_power, singular_power)


class CountedVectors:
    """An `Estimator`; `vectors` is (V, D) float32, by id.

    Args:
        spec: of the data set.
        embedding_dim, window, context_power, singular_power: as in `ppmi_svd`.
    """

    def __init__(self, spec, embedding_dim, window, context_power, singular_power):
        self.spec, self.embedding_dim, self.window = spec, embedding_dim, window
        self.context_power, self.singular_power = context_power, singular_power
        self.decision = DecisionRule()

    def fit(self, train: Mapping, val: Mapping, seed: int) -> None:
        """Counts train and factorizes. On val, `neighbour_auc` is measured."""
        from sklearn.utils.extmath import randomized_svd

        (name,) = self.spec.inputs
        counts = word_vectors.cooccurrences(train[name], self.spec.outputs, self.window)
        matrix = word_vectors.ppmi(counts, self.context_power)
        rank = min(self.embedding_dim, self.spec.outputs)
        left, singular, _ = randomized_svd(matrix, rank, n_iter=4, random_state=seed)
        self.vectors = (left * singular**self.singular_power).astype(np.float32)
        value = word_vectors.neighbour_auc(self.vectors, val[name], self.window, seed)
        settings = f"PPMI-SVD, {rank} dimensions, window {self.window}"
        self.selection = Selection(settings, "val/neighbour_auc", value)

    def predict(self, columns: Mapping) -> dict[str, Any]:
        """The answers to questions of two or four words."""
        (name,) = self.spec.inputs
        return word_vectors.answers(self.vectors, columns[name])

    @property
    def components(self) -> "dict[str, CountedVectors]":
        return {"ppmi_svd": self}

    @property
    def parameters(self) -> int:
        return int(self.vectors.size)

    def save(self, folder: Path) -> None:
        arrays.write(folder / "words", {"vectors": self.vectors})
        self.selection.save(folder)

    def restore(self, folder: Path) -> None:
        self.selection = Selection.restored(folder)
        self.vectors = arrays.read(folder / "words")["vectors"]
