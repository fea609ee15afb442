"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(history: int = 12, columns: int = 2, season: int = 1, test: int = 16) -> DataSpec:
    """Columns named a, b, ... in degC; one stream of `test` rows."""
    return DataSpec(
        inputs={"history": Field((history, columns), "float32", "degC")},
        target=Target((history, columns + 1), "float32", "degC", name="steps"),
        outputs=columns,
        request_inputs=("history",),
        task_metadata={
            "columns": [chr(ord("a") + number) for number in range(columns)],
            "units": ["degC"] * columns, "season_steps": season, "centre": [10.0] * columns,
            "scale": [2.0] * columns, "resampled": [test],
        },
    )  # fmt: skip


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): noise around the centre; nothing is labelled."""
    rng = np.random.default_rng(seed)
    centre, scale = spec.task_metadata["centre"], spec.task_metadata["scale"]
    field = spec.inputs["history"]
    history = rng.normal(centre, scale, (rows, *field.shape)).astype(field.dtype)
    labels = np.zeros((rows, field.shape[0], 1), history.dtype)
    return {"history": history}, np.concatenate([history, labels], axis=2)
