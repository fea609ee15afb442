"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(positions: int = 5, size: int = 12) -> DataSpec:
    """Sentences and their translations, of one vocabulary."""
    ids = Field.token_ids(positions, size)
    return DataSpec(
        inputs={"source": ids, "target_in": ids},
        target=Target.token_ids(positions, size, name="target_out"),
        outputs=size,
        request_inputs=("text",),
    )


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): the target is the decoder's input, one position earlier."""
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(1, field.size, (rows, *field.shape)).astype(field.dtype)
        for name, field in spec.inputs.items()
    }
    return inputs, np.roll(inputs["target_in"], -1, axis=1)
