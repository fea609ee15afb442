"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(
    steps: int = 64, columns: int = 2, classes: int = 3, *, rate_hz: float = 50.0,
    is_sound: bool = False, recordings: int = 4, windows: int = 4,
) -> DataSpec:  # fmt: skip
    """Classes are named by their numbers; test has so many recordings of so many windows each."""
    columns = 1 if is_sound else columns
    unit = "full scale" if is_sound else "m/s2"
    names = [chr(ord("a") + number) for number in range(columns)]
    return DataSpec(
        inputs={"signal": Field((steps, columns), "float32", unit,
                                kind="audio" if is_sound else "real")},
        target=Target.class_id("label", classes),
        outputs=classes,
        request_inputs=("wav_bytes" if is_sound else "signal",),
        labels=tuple(str(number) for number in range(classes)),
        task_metadata={
            "columns": names, "units": [unit] * columns, "rate_hz": rate_hz,
            "hop_steps": steps // 2, "centre": [0.0] * columns, "scale": [1.0] * columns,
            "groups": ["x", "y"], "windows": [[windows] * recordings],
        },
    )  # fmt: skip


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets): a sine in noise, whose frequency is that of the class."""
    rng = np.random.default_rng(seed)
    steps, columns = spec.inputs["signal"].shape
    targets = (np.arange(rows) % spec.outputs).astype(np.int32)
    turns = (2.0 + 3.0 * targets)[:, None, None] * np.arange(steps)[None, :, None] / steps
    phase = rng.uniform(0, 1, (rows, 1, columns))
    signal = 0.5 * np.sin(2 * np.pi * (turns + phase))
    signal += 0.05 * rng.normal(size=signal.shape)
    return {"signal": signal.astype(np.float32)}, targets
