"""A tiny data set of the task."""

import numpy as np

from pipelines.spec import DataSpec
from tests.tasks.toy.datasets import letter_lines


def example_spec() -> DataSpec:
    return letter_lines.spec()


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets) of random letters."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(0, 26, (rows, 6)).astype(np.int32)
    flag = (np.arange(rows) % 2).astype(np.float32)
    tags = np.isin(letters, [0, 4, 8, 14, 20]).astype(np.int32) ^ flag.astype(np.int32)[:, None]
    return {"letters": letters, "flag": flag}, tags
