"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.preparation import visual_questions
from pipelines.spec import DataSpec

LABELS = ("no", "red", "yes")


def example_spec(side: int = 8, max_tokens: int = 5, words: int = 12) -> DataSpec:
    """Three answers; one question for each of 16 images of test."""
    shape = (side, side, 3)
    return visual_questions.data_spec(shape, max_tokens, words, LABELS, [1] * 16)


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets) of noise; ids are never 0, which is padding."""
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(int(field.padded), field.size or 256, (rows, *field.shape)).astype(
            field.dtype
        )
        for name, field in spec.inputs.items()
    }
    return inputs, (np.arange(rows) % spec.outputs).astype(np.int32)
