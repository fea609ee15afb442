"""The mixture of a network and counted n-grams.

    p(w | h) = a p_network(w | h) + (1 - a) p_counts(w | h)

They err differently. A network generalises to contexts that it has not seen; counts remember rare
words and phrases after one occurrence. Linear interpolation of language models goes back to Jelinek
and Mercer (1980); Mikolov et al. report their recurrent networks mixed with Kneser-Ney counts
(https://www.isca-archive.org/interspeech_2010/mikolov10_interspeech.html).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

import models.layers  # noqa: F401  registers the layers that saved models name
from models.classical import Selection
from models.layers.backbone import warm_start_path
from models.layers.language_model_scores import LAYER, token_nats
from pipelines.classical import ngram_lm
from pipelines.config.errors import UserError
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.storage import arrays, keras_file

NETWORK, WEIGHT = "network.keras", "weight"


def language_model_mixture(spec: DataSpec, *, order: int = 5) -> "LanguageModelMixture":
    """A trained network mixed with interpolated modified Kneser-Ney, by one weight.

    The weight is the one of the greatest likelihood of val, by expectation-maximisation.

    Args:
        spec: of a data set of documents with a trained network (`warm_starts`).
        order: of the n-grams, the longest that are counted.

    Raises:
        UserError: the data set has no network, or one that is no language model of its tokens.
    """
    return LanguageModelMixture(spec, order)


class LanguageModelMixture:
    """An `Estimator`.

    Args:
        spec: of the data set.
        order: of the n-grams.
    """

    def __init__(self, spec: DataSpec, order: int):
        self.spec, self.order = spec, order
        self.decision = DecisionRule()

    def fit(self, train: Mapping, val: Mapping, seed: int) -> None:
        """Counts train, and chooses the weight on val. seed: nothing is random."""
        self.network = _network(warm_start_path(self.spec), self.spec)
        counted = [ids.astype(np.int64) - 1 for ids in train[self.spec.target.name]]
        self.counts = ngram_lm.fit("kneser_ney", counted, self.order, self.spec.outputs - 1)
        network, counts = (np.concatenate(p) for p in self._components(self._documents(val)))
        self.weight = best_weight(network, counts)
        perplexity = float(np.exp(-np.log(mix(self.weight, network, counts)).mean()))
        settings = f"{self.weight:.3f} network, {1 - self.weight:.3f} Kneser-Ney {self.order}"
        self.selection = Selection(settings, "val/perplexity", perplexity, "min")

    def predict(self, columns: Mapping) -> dict[str, Any]:
        """{"nats": (n,) sums of "by_token": n arrays of -log p, "tokens": (n,) their lengths}."""
        components = self._components(self._documents(columns))
        by_token = [-np.log(mix(self.weight, *pair)) for pair in zip(*components, strict=True)]
        nats, tokens = (np.array([f(values) for values in by_token]) for f in (np.sum, len))
        return {"nats": nats, "tokens": tokens, "by_token": by_token}

    @property
    def components(self) -> "dict[str, LanguageModelMixture]":
        return {"mixture": self}

    @property
    def parameters(self) -> int:
        """Of both, and the weight."""
        counted = sum(len(level.values) + len(level.weights) for level in self.counts.levels)
        return self.network.count_params() + counted + 1

    def save(self, folder: Path) -> None:
        keras_file.save(self.network, folder / NETWORK)
        for name, values in self.counts.arrays().items():
            arrays.write(folder / "counts" / name, {"values": values})
        arrays.write(folder / WEIGHT, {"values": np.array([self.weight])})
        self.selection.save(folder)

    def restore(self, folder: Path) -> None:
        self.weight = float(arrays.read(folder / WEIGHT)["values"][0])
        self.selection = Selection.restored(folder)
        self.network = keras.saving.load_model(folder / NETWORK, compile=False)
        levels = {path.name: arrays.read(path)["values"] for path in (folder / "counts").iterdir()}
        self.counts = ngram_lm.NgramModel.load(levels, self.spec.outputs - 1)

    def _documents(self, columns: Mapping) -> list[np.ndarray]:
        return list(columns[self.spec.target.name])

    def _components(self, documents: list[np.ndarray]) -> tuple[list, list]:
        """Probabilities of every token by the network and by the counts, (length,) a document."""
        network = [np.exp(-nats) for nats in token_nats(self.network, documents)]
        # The n-gram model's ids are those of the data set less one, as 0 is padding.
        return network, self.counts.probabilities([ids.astype(np.int64) - 1 for ids in documents])


def mix(weight: float, network: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Probabilities, or whole distributions, of the mixture."""
    return weight * network + (1 - weight) * counts


def best_weight(network: np.ndarray, counts: np.ndarray, steps: int = 1000) -> float:
    """The weight of the network under which the tokens are most probable.

    The likelihood is concave in it, so that expectation-maximisation cannot end elsewhere: each
    step takes the mean, over tokens, of the probability that the network drew the token.

    Args:
        network, counts: (n,) probabilities of the same tokens.
        steps: at most; fewer where the weight changes by less than 1e-6.
    """
    weight, before = 0.5, 0.0
    for _ in range(steps):
        if abs(weight - before) < 1e-6:
            break
        before, drawn = weight, weight * network
        weight = float(np.mean(drawn / mix(weight, network, counts)))
    return weight


def _network(file: Path, spec: DataSpec) -> keras.Model:
    """The network of the data set, a language model of its tokens."""
    if file.suffix == ".keras":
        network = keras.saving.load_model(file, compile=False)
        names = [layer.name for layer in network.layers]
        if LAYER in names and network.outputs[0].shape[-1] == spec.outputs:
            return network
    raise UserError(
        "network-unusable",
        f"no language model of {spec.outputs} tokens; under `warm_starts`, let `weights` name the "
        "folder of an experiment that has a network of this task on the same data set",
        path=file, key="weights",
    )  # fmt: skip
