"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(positions: int = 6, size: int = 12) -> DataSpec:
    """Documents of up to `positions` tokens."""
    ids = Field((positions,), "int32", "token id", size, kind="ids")
    return DataSpec(
        inputs={"tokens": ids},
        target=Target(**vars(ids), name="tokens"),
        outputs=size,
        request_inputs=("text",),
        task_metadata={"granularity": "word", "end": -1, "by_frequency_from": 2, "tokens": {}},
    )


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): the token after each one; 0 begins the row."""
    field = spec.inputs["tokens"]
    targets = np.random.default_rng(seed).integers(1, field.size, (rows, *field.shape))
    inputs = np.pad(targets, [(0, 0), (1, 0)])[:, :-1]
    return {"tokens": inputs.astype(field.dtype)}, targets.astype(field.dtype)
