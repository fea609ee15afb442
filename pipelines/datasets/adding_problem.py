"""The adding problem: remember two numbers of a long sequence and add them.

Each step has a value, uniform in [0, 1], and a marker. Two markers are 1, all others 0: one at a
random step of the first half, one of the second. The target is the sum of the two marked values.
Who always answers 1, the mean, has a squared error of 2 / 12 = 1/6, the variance of the target; to
do better a model has to keep the first value for T/2 steps on average.

Differs from Hochreiter and Schmidhuber 1997 (task 4): the form of Le et al. 2015 and Bai et al.
2018, where all sequences have one length and no noise marks their ends. Bai et al. draw train
without a seed and print 0.1767 for the constant answer; it is 0.1667.

References: "Long Short-Term Memory", https://doi.org/10.1162/neco.1997.9.8.1735; "A Simple Way to
Initialize Recurrent Networks of Rectified Linear Units", https://arxiv.org/abs/1504.00941;
"An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
https://arxiv.org/abs/1803.01271.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.schema import STRICT
from pipelines.preparation import sequence_arrays
from pipelines.preparation.sequence_arrays import SEQUENCE, Rows


class Options(BaseModel):
    """How long the sequences are, and how many there are.

    `source` names the file that pins NumPy, whose version and the seed determine the numbers.

    Args:
        steps: T, the length of a sequence; at least 2.
        rows: of each split.
    """

    model_config = STRICT
    steps: Annotated[int, Field(strict=True, ge=2)]
    rows: Rows = Rows()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    sequences, values = draw(options.rows.total, options.steps, np.random.default_rng(seed))
    columns = {SEQUENCE: sequences, "value": values}
    sequence_arrays.write(out / "repeat0", columns, options.rows.of_splits())
    shape = (options.steps, 2)
    return spec.DataSpec(
        inputs={SEQUENCE: spec.Field(shape, "float32", "value from 0 to 1, marker 0 or 1")},
        target=spec.Target((), "float32", "sum of the marked values", name="value"),
        outputs=1,
        request_inputs=(SEQUENCE,),
    )


def draw(rows: int, steps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(sequences (rows, steps, 2) of values and markers, their targets (rows,)), float32."""
    values = rng.random((rows, steps), np.float32)
    half, row = steps // 2, np.arange(rows)
    marked = rng.integers(0, half, rows), rng.integers(half, steps, rows)
    markers = np.zeros((rows, steps), np.float32)
    for step in marked:
        markers[row, step] = 1
    return np.stack([values, markers], axis=2), values[row, marked[0]] + values[row, marked[1]]
