"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.preparation import labelled_masks
from pipelines.preprocessing.mask_files import IGNORED
from pipelines.spec import DataSpec


def example_spec(tile: int = 8, channels: int = 1, classes: int = 3) -> DataSpec:
    """Classes are named by their numbers."""
    return labelled_masks.data_spec([str(number) for number in range(classes)], tile, channels)


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets) of noise; some pixels have no class."""
    rng = np.random.default_rng(seed)
    ((name, field),) = spec.inputs.items()
    images = rng.integers(0, 256, (rows, *field.shape)).astype(np.uint8)
    masks = rng.integers(0, spec.outputs, (rows, *spec.target.shape)).astype(np.uint8)
    masks[:, 0, 0] = IGNORED
    return {name: images}, masks
