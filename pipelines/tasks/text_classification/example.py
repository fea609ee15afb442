"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target

LABELS = ("a", "b", "c")


def example_spec(**inputs: tuple[int, int]) -> DataSpec:
    """Three classes. inputs: (positions, ids) by name; words of 5 of 12 by default."""
    inputs = inputs or {"words": (5, 12)}
    return DataSpec(
        inputs={name: Field.token_ids(*sizes) for name, sizes in inputs.items()},
        target=Target.class_id("label", len(LABELS)),
        outputs=len(LABELS),
        request_inputs=("text",),
        labels=LABELS,
    )


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets); ids are never 0, which is padding."""
    rng = np.random.default_rng(seed)
    inputs = {
        name: rng.integers(1, field.size, (rows, *field.shape)).astype(field.dtype)
        for name, field in spec.inputs.items()
    }
    return inputs, (np.arange(rows) % spec.outputs).astype(np.int32)
