"""A tiny data set of the task, for checks of models and of the contract."""

from collections.abc import Sequence

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(
    history: int = 24, horizon: int = 6, columns: int = 1, quantiles: Sequence[float] = (),
    season: int = 12, stride: int = 1, std: list[float] | None = None,
    mean: list[float] | None = None, covariates: int = 0,
) -> DataSpec:  # fmt: skip
    """Columns named a, b, ... in degC, and known covariates named x0, x1, ..."""
    inputs = {"history": Field((history, columns), "float32", "degC")}
    known: dict = {}
    if covariates:
        shape = (history + horizon, covariates)
        inputs["known_covariates"] = Field(shape, "float32", "as in the file")
        known["known_covariates"] = [f"x{number}" for number in range(covariates)]
        known |= {"covariate_mean": [10.0] * covariates, "covariate_std": [2.0] * covariates}
    return DataSpec(
        inputs=inputs,
        target=Target((horizon, columns), "float32", "degC", name="future"),
        outputs=horizon * columns * max(1, len(quantiles)),
        request_inputs=tuple(inputs),
        task_metadata={
            "columns": [chr(ord("a") + number) for number in range(columns)],
            "units": ["degC"] * columns, "frequency": "D", "horizon_steps": horizon,
            "season_steps": season, "stride": stride, "quantiles": list(quantiles), "refit": True,
            "mean": mean or [10.0] * columns, "std": std or [2.0] * columns,
            "mase_scale": [1.0] * columns, **known,
        },
    )  # fmt: skip


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): noise with the mean and standard deviation of the spec."""
    rng, facts = np.random.default_rng(seed), spec.task_metadata
    moments = [(facts["mean"], facts["std"])] * 2
    if len(spec.inputs) == 2:
        moments.insert(1, (facts["covariate_mean"], facts["covariate_std"]))
    *inputs, future = (
        rng.normal(mean, std, (rows, *field.shape)).astype(field.dtype)
        for field, (mean, std) in zip((*spec.inputs.values(), spec.target), moments, strict=True)
    )
    return dict(zip(spec.inputs, inputs, strict=True)), future
