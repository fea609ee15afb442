"""A tiny data set of the task, for checks of models and of the contract."""

import numpy as np

from pipelines.spec import DataSpec, Field, Target


def example_spec(
    frames: int = 6, height: int = 8, width: int = 8, channels: int = 1, classes: int = 3
) -> DataSpec:
    """Classes are named by their numbers."""
    shape = (frames, height, width, channels)
    return DataSpec(
        inputs={"frames": Field(shape, "uint8", "intensity, 0 to 255", kind="video")},
        target=Target.class_id("label", classes),
        outputs=classes,
        request_inputs=("video_bytes",),
        labels=tuple(str(number) for number in range(classes)),
    )


def example_batch(spec: DataSpec, rows: int = 16, seed: int = 1) -> tuple[dict, np.ndarray]:
    """(inputs, targets) of noise."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (rows, *spec.inputs["frames"].shape)).astype(np.uint8)
    return {"frames": frames}, (np.arange(rows) % spec.outputs).astype(np.int32)
