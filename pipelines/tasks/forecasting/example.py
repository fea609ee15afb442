"""A tiny data set of the task, for checks of models and of the contract."""

from collections.abc import Sequence

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(
    history: int = 24, horizon: int = 6, columns: int = 1, quantiles: Sequence[float] = (),
    season: int = 12, stride: int = 1, std: list[float] | None = None,
    mean: list[float] | None = None,
) -> DataSpec:  # fmt: skip
    """Columns named a, b, ... in degC."""
    return DataSpec(
        inputs={"history": Field((history, columns), "float32", "degC")},
        target=Target((horizon, columns), "float32", "degC", name="future"),
        outputs=horizon * columns * max(1, len(quantiles)),
        request_inputs=("history",),
        task_metadata={
            "columns": [chr(ord("a") + number) for number in range(columns)],
            "units": ["degC"] * columns, "frequency": "D", "horizon_steps": horizon,
            "season_steps": season, "stride": stride, "quantiles": list(quantiles), "refit": True,
            "mean": mean or [10.0] * columns, "std": std or [2.0] * columns,
            "mase_scale": [1.0] * columns,
        },
    )  # fmt: skip


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): noise with the mean and standard deviation of the spec."""
    rng = np.random.default_rng(seed)
    mean, std = spec.task_metadata["mean"], spec.task_metadata["std"]
    history, future = (
        rng.normal(mean, std, (rows, *field.shape)).astype(field.dtype)
        for field in (spec.inputs["history"], spec.target)
    )
    return {"history": history}, future
