"""Baselines of language modelling: all tokens alike, and the frequencies of single tokens.

- uniform: 1 / V for each token of the vocabulary.
- unigram: how often each occurs in train, plus one (Laplace).
- the strong one: the classical experiment of the data set, as a rule interpolated Kneser-Ney, with
  texts that it draws.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pipelines.evaluation import strong_baselines
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling import samples
from pipelines.tasks.language_modeling.metrics import Outputs


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong=None
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time. seed: nothing is random."""
    name = spec.target.name
    counts = np.bincount(train[name].flat(), minlength=spec.outputs)[1:] + 1  # without padding
    by_token = -np.log(counts / counts.sum())
    lengths = np.array([len(tokens) for tokens in test[name]])
    yield "baseline_uniform", Outputs(lengths * np.log(len(counts)), lengths)
    unigram = np.array([by_token[tokens - 1].sum() for tokens in test[name]])
    yield "baseline_unigram", Outputs(unigram, lengths)
    if strong is not None:
        yield from strong_baselines.outputs_of(strong, test, spec, Outputs)
        outputs = strong_baselines.predict(strong, test, spec, Outputs)
        yield "baseline_best", replace(outputs, **samples.of_counts(strong, train, spec))
