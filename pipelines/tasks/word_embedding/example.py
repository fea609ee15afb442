"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(positions: int = 12, size: int = 20) -> DataSpec:
    """Documents of up to `positions` tokens."""
    ids = Field((positions,), "int32", "token id", size, kind="ids")
    benchmarks = ("wordsim353", "simlex999", "semantic", "syntactic")
    return DataSpec(
        inputs={"tokens": ids},
        target=Target(**vars(ids), name="tokens"),
        outputs=size,
        request_inputs=("text",),
        task_metadata={
            "tokens": {"train": 1000, "val": 100},
            "benchmarks": {name: {"covered": 2, "total": 4} for name in benchmarks},
        },
    )


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): windows of text, which are both."""
    field = spec.inputs["tokens"]
    ids = np.random.default_rng(seed).integers(2, field.size, (rows, *field.shape))
    return {"tokens": ids.astype(field.dtype)}, ids.astype(field.dtype)
