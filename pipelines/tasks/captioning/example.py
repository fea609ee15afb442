"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.preparation import image_captions
from pipelines.spec import DataSpec


def example_spec(side: int = 8, max_tokens: int = 5, size: int = 12) -> DataSpec:
    """Small images, and captions of up to five tokens."""
    return image_captions.data_spec((side, side, 3), max_tokens, size)


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets) of noise: the target is the decoder's input, one position earlier."""
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(int(field.padded), field.size or 256, (rows, *field.shape)).astype(
            field.dtype
        )
        for name, field in spec.inputs.items()
    }
    return inputs, np.roll(inputs[image_captions.CAPTION_IN], -1, axis=1)
