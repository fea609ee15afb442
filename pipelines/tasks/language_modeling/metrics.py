"""What a language model gives to documents, and the metrics that are computed from it.

With -log p of every token after all those before it in its document:

    perplexity          exp(sum of -log p / number of tokens), over all tokens of the split
    nats_per_token      its logarithm
    bits_per_character  sum of -log2 p / number of characters, which can be compared between
                        granularities; of sub-words and characters alone, as words that are unknown
                        spell nothing

They are ratios of sums over documents, never means of perplexities, so a resample of documents is a
weighting of both sums. One document cannot be resampled: there is no interval then.

Of what a model draws by itself, see novelty.py:

    distinct_2_percent, novel_4grams_percent ... novel_8grams_percent

Their resamples are of samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.evaluation import bootstrap
from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.tasks.language_modeling.novelty import Novelty

BY_TOKEN, SAMPLES, NOVELTY = "by_token", "samples", "novelty"  # folders of saved outputs


@dataclass(frozen=True)
class Outputs:
    """What a model gives to the n documents of a split.

    Args:
        nats: (n,) float64, the sum of -log p over the document's tokens.
        tokens: (n,) how many these are.
        selection: the settings that validation selected, for people; "" where there are none.
        by_token: n arrays of -log p, where they are known, for figures.
        samples: texts that the model has drawn, in the order of samples.TEMPERATURES, as ids.
        novelty: of those at temperature 1.
    """

    nats: np.ndarray
    tokens: np.ndarray
    selection: str = ""
    by_token: Sequence[np.ndarray] = ()
    samples: Sequence[np.ndarray] = ()
    novelty: Novelty | None = None

    def save(self, folder: Path) -> None:
        arrays.write(folder, {"nats": self.nats, "tokens": self.tokens})
        if len(self.by_token):
            every = np.concatenate(self.by_token).astype(np.float32)
            arrays.write(folder / BY_TOKEN, {"nats": every})
        if self.novelty:
            arrays.write(folder / SAMPLES, {"ids": arrays.Sequences.of(self.samples)})
            arrays.write(folder / NOVELTY, vars(self.novelty))

    @classmethod
    def load(cls, folder: Path) -> "Outputs":
        outputs = cls(**arrays.read(folder))
        if (folder / BY_TOKEN).is_dir():
            every = arrays.read(folder / BY_TOKEN)["nats"]
            by_token = np.split(every, np.cumsum(outputs.tokens)[:-1])
            outputs = replace(outputs, by_token=by_token)
        if (folder / SAMPLES).is_dir():
            samples = arrays.read(folder / SAMPLES)["ids"]
            novelty = Novelty(**arrays.read(folder / NOVELTY))
            outputs = replace(outputs, samples=samples, novelty=novelty)
        return outputs


def weights(rows: int, resamples: int = 1000, *, seed, spec: DataSpec) -> np.ndarray:
    """(1 + resamples, documents); of a single document no resample, (1, 1)."""
    return bootstrap.weights(rows, resamples if rows > 1 else 0, seed=seed)


def score(
    outputs: Outputs, test: dict, spec: DataSpec, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric under every weighting of the documents."""
    weights = weights.astype(np.float64)
    nats, tokens = weights @ outputs.nats, weights @ outputs.tokens
    per_token = _divide(nats, tokens)
    values = {"perplexity": np.exp(per_token), "nats_per_token": per_token}
    if spec.task_metadata["granularity"] != "word":
        characters = weights @ np.array([len(text) for text in test[spec.request_inputs[0]]])
        values["bits_per_character"] = _divide(nats, characters) / np.log(2)
    if outputs.novelty:
        samples = len(outputs.novelty.total)
        resampled = bootstrap.weights(samples, len(weights) - 1, seed=samples)
        values |= outputs.novelty.percent(resampled)
    return values


def _divide(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """NaN where nothing was drawn."""
    undefined = np.full(len(numerators), np.nan)
    return np.divide(numerators, denominators, out=undefined, where=denominators > 0)
