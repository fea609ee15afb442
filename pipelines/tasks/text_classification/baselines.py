"""Baselines of text classification: the majority class, and linear classifiers on n-grams.

The linear ones are those of the experiment that the block of baselines names, a `linear_text` of
models/classical/; "baseline_best" is what that experiment predicts.
"""

from collections.abc import Iterator

import numpy as np

from models.classical import Estimator
from pipelines.evaluation import strong_baselines
from pipelines.evaluation.classifier import Outputs, majority
from pipelines.spec import DataSpec


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test rows) of one baseline at a time."""
    targets = np.asarray(train[spec.target.name])
    yield "baseline_majority", majority(targets, len(test[spec.target.name]), spec.outputs)
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)
    yield "baseline_best", strong_baselines.predict(strong, test, spec, Outputs)
