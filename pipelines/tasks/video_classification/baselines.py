"""Baselines of movies: the majority class, the middle frame alone, and how the whole screen moves.

The last two are the candidates of the experiment that the block of baselines names, see
`models.classical.linear_motion`.
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
    yield "baseline_best", strong_baselines.predict(strong, test, spec, Outputs)
    yield from strong_baselines.outputs_of(strong, test, spec, Outputs)
