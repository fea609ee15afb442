"""n-gram language models: what counting can do, with nothing learned by gradient descent.

p(w | all before it) is estimated from how often the n-1 tokens before w, and then w, occur in train
(Markov 1913, Shannon 1948). The methods differ in what they give to n-grams that train lacks; see
pipelines/classical/ngram_lm/smoothing.py.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.classical import Selection
from pipelines.classical import ngram_lm
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays

MAX_ORDER = 16
Smoothing = Literal["relative_frequency", "add_one", "stupid_backoff", "kneser_ney"]


def ngrams(
    spec: DataSpec, *, order: int = 5, smoothing: Smoothing = "kneser_ney"
) -> "NgramLanguageModel":
    """An n-gram model of the data set's tokens.

    Args:
        spec: its target is the tokens.
        order: n, the length of the longest n-grams: 1 to 16.
        smoothing: relative_frequency, add_one, stupid_backoff or kneser_ney.

    Raises:
        UserError: another order.
    """
    if not 1 <= order <= MAX_ORDER:
        raise UserError(
            "order-invalid", f"must be 1 to {MAX_ORDER}: an n-gram is {order} tokens",
            key="build.order", value=order,
        )  # fmt: skip
    return NgramLanguageModel(spec, order, smoothing)


class NgramLanguageModel:
    """An `Estimator`. The model's ids are those of the data set less one, as 0 is padding.

    Args:
        spec: of the data set.
        order: the length of the longest n-grams.
        smoothing: a name in ngram_lm.METHODS.
    """

    def __init__(self, spec: DataSpec, order: int, smoothing: str):
        self.spec, self.order, self.smoothing = spec, order, smoothing
        self.decision = DecisionRule()

    def fit(self, train: Mapping, val: Mapping, seed: int) -> None:
        """Counts the n-grams of train; val is scored alone. seed: nothing is random."""
        documents = self._documents(train)
        self.model = ngram_lm.fit(self.smoothing, documents, self.order, self.spec.outputs - 1)
        perplexity = ngram_lm.perplexity(self.model.probabilities(self._documents(val)))
        settings = f"{self.smoothing.replace('_', ' ')}, order {self.order}"
        self.selection = Selection(settings, "val/perplexity", perplexity, "min")

    def predict(self, columns: Mapping) -> dict[str, Any]:
        """{"nats": (n,) sums of "by_token": n arrays of -log p, "tokens": (n,) their lengths}."""
        probabilities = self.model.probabilities(self._documents(columns))
        with np.errstate(divide="ignore"):  # -log 0 is infinite: relative frequencies forbid it
            by_token = [-np.log(values) for values in probabilities]
        nats, tokens = (np.array([f(values) for values in by_token]) for f in (np.sum, len))
        return {"nats": nats, "tokens": tokens, "by_token": by_token}

    def perplexities(self, columns: Mapping) -> list[float]:
        """Of each order: the model without its longer contexts."""
        documents, size = self._documents(columns), self.model.vocabulary_size
        shorter = (
            ngram_lm.NgramModel(self.model.levels[:order], size)
            for order in range(1, self.order + 1)
        )
        return [ngram_lm.perplexity(model.probabilities(documents)) for model in shorter]

    def sample(
        self, rng: np.random.Generator, temperature: float, end: int, most: int,
        excluded: Sequence[int],
    ) -> np.ndarray:  # fmt: skip
        """Ids of the data set, drawn from the beginning of a document; see `NgramModel.sample`."""
        drawn = self.model.sample(
            rng, end=end - 1 if end > 0 else -1, most=most, temperature=temperature,
            excluded=[number - 1 for number in excluded],
        )  # fmt: skip
        return np.array(drawn, np.int32) + 1

    @property
    def components(self) -> "dict[str, NgramLanguageModel]":
        return {self.smoothing: self}

    @property
    def parameters(self) -> int:
        return sum(len(level.values) + len(level.weights) for level in self.model.levels)

    def save(self, folder: Path) -> None:
        for name, values in self.model.arrays().items():
            arrays.write(folder / name, {"values": values})
        self.selection.save(folder)

    def restore(self, folder: Path) -> None:
        self.selection = Selection.restored(folder)
        levels = {
            path.name: arrays.read(path)["values"] for path in sorted(folder.glob("order*.*"))
        }
        self.model = ngram_lm.NgramModel.load(levels, self.spec.outputs - 1)

    def _documents(self, columns: Mapping) -> list[np.ndarray]:
        return [tokens.astype(np.int64) - 1 for tokens in columns[self.spec.target.name]]
