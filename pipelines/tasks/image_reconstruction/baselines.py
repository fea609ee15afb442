"""Baselines of image reconstruction: the mean image of train, and principal components.

The components are those of the experiment that the block of baselines names, see
`models.classical.pca_images`. The comparison is fair where its code has as many numbers as the
network's.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.classical import Estimator
from pipelines.classical.reconstruction import intensities
from pipelines.evaluation import strong_baselines
from pipelines.spec import DataSpec
from pipelines.storage import trials
from pipelines.tasks.image_reconstruction.metrics import Outputs, train_codes


def fit_predict(
    train: dict, val: dict, test: dict, spec: DataSpec, seed: int, *, strong: Estimator
) -> Iterator[tuple[str, Outputs]]:
    """(name, outputs on the test images) of one baseline at a time."""
    (name,) = spec.inputs
    mean = intensities(train[name]).mean(axis=0).astype(np.float32)
    yield "baseline_mean", Outputs(np.broadcast_to(mean, test[name].shape))
    for component, outputs in strong_baselines.outputs_of(strong, test, spec, Outputs):
        code = strong.predict(trials.requests(train, spec))["code"]
        yield component, replace(outputs, **train_codes(code, train, spec))
