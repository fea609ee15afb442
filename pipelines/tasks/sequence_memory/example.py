"""A tiny data set of the task, for checks of models and of the contract: an adding problem."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(steps: int = 6) -> DataSpec:
    """Sequences of values and markers, and their sum."""
    return DataSpec(
        inputs={"sequence": Field((steps, 2), "float32", "value from 0 to 1, marker 0 or 1")},
        target=Target((), "float32", "sum of the marked values", name="value"),
        outputs=1,
        request_inputs=("sequence",),
    )


def class_spec(steps: int = 6, classes: int = 3) -> DataSpec:
    """Sequences of one number a step, and a class."""
    return DataSpec(
        inputs={"sequence": Field((steps, 1), "float32", "intensity, 0 to 1")},
        target=Target.class_id("label", classes),
        outputs=classes,
        request_inputs=("sequence",),
        labels=tuple("abcdefghij"[:classes]),
        task_metadata={"mean": 0.0, "std": 1.0},
    )


def symbols_spec(steps: int = 6, ids: int = 5, recalled: int = 2) -> DataSpec:
    """Sequences of ids, and an id at each step."""
    return DataSpec(
        inputs={"sequence": Field((steps,), "int32", "symbol", ids, kind="ids")},
        target=Target.class_id("digits", ids, (steps,)),
        outputs=ids,
        request_inputs=("sequence",),
        task_metadata={"recalled_steps": recalled},
    )


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets) that fit one of these specs; numbers or ids at random."""
    rng = np.random.default_rng(seed)
    inputs, targets = (
        rng.random((rows, *field.shape), np.float32)
        if field.kind == "real"
        else rng.integers(field.size, size=(rows, *field.shape), dtype=np.int32)
        for field in (spec.inputs["sequence"], spec.target)
    )
    return {"sequence": inputs}, targets
