"""The copy memory task: remember ten symbols over a long delay, and repeat them in order.

A sequence of T + 20 ids: ten symbols, each one of 1 to 8 with equal probability; T - 1 blanks (0);
and 11 delimiters (9), from the first of which on the symbols are to be repeated. The target has an
id at every step: T + 10 blanks, then the ten symbols.

    sequence   3 1 8 ... 2   0 0 0 ... 0   9 9 9 9 9 9 9 9 9 9 9
    target     0 0 0 ... 0   0 0 0 ... 0   0 3 1 8 ... ... ... 2

Who knows the form and remembers nothing is right at all blanks and guesses the rest: a
cross-entropy of 10 ln 8 / (T + 20) nats a step, and one symbol of eight right. That small number is
why the share of the ten symbols that are recalled is scored too.

Differs from Hochreiter and Schmidhuber's and Arjovsky et al.'s: the form of Bai et al. 2018.

References: "Unitary Evolution Recurrent Neural Networks", https://arxiv.org/abs/1511.06464; "An
Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
https://arxiv.org/abs/1803.01271.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import sequence_arrays
from pipelines.preparation.sequence_arrays import SEQUENCE, Rows

BLANK = 0
MAX_SEQUENCES = 1 << 62  # sequences are numbered by 64-bit integers


class Options(BaseModel):
    """How long the delay is, and what is to be remembered.

    `source` names the file that pins NumPy, whose version and the seed determine the numbers.

    Args:
        delay_steps: T, from the last symbol to the first step of its repetition.
        digits: how many symbols are to be remembered.
        symbols: how many different ones there are.
        rows: of each split; no sequence is in two of them.
    """

    model_config = STRICT
    delay_steps: Count
    digits: Count = 10
    symbols: Annotated[int, Field(strict=True, ge=2)] = 8
    rows: Rows = Rows()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    _check_rows(options, raw)
    sequences, targets = draw(options, options.rows.total, np.random.default_rng(seed))
    columns = {SEQUENCE: sequences, "digits": targets}
    sequence_arrays.write(out / "repeat0", columns, options.rows.of_splits())
    ids, steps = options.symbols + 2, sequences.shape[1]
    return spec.DataSpec(
        inputs={SEQUENCE: spec.Field((steps,), "int32", "symbol", ids, kind="ids")},
        target=spec.Target.class_id("digits", ids, (steps,)),
        outputs=ids,
        request_inputs=(SEQUENCE,),
        task_metadata={"recalled_steps": options.digits},  # the last steps, of the repetition
    )


def draw(options: Options, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(sequences, targets), both (rows, T + 2 * digits) int32; no two rows are equal."""
    count, digits = options.symbols**options.digits, options.digits
    numbers = rng.choice(count, rows, replace=False)  # without replacement: no two are equal
    places = options.symbols ** np.arange(digits, dtype=np.int64)
    symbols = 1 + numbers[:, None] // places % options.symbols  # (rows, digits)
    steps = options.delay_steps + 2 * digits
    sequences, targets = np.full((2, rows, steps), BLANK, np.int32)
    sequences[:, :digits] = symbols
    sequences[:, -digits - 1 :] = options.symbols + 1
    targets[:, -digits:] = symbols
    return sequences, targets


def _check_rows(options: Options, raw: Path) -> None:
    count = options.symbols**options.digits
    if count > MAX_SEQUENCES:
        raise UserError(
            "sequence-count",
            f"{options.symbols} symbols make more than 2^62 sequences of {options.digits}; take "
            "fewer digits or symbols",
            path=raw, key="digits", value=options.digits,
        )  # fmt: skip
    if options.rows.total > count:
        raise UserError(
            "sequence-count",
            f"{options.rows.total} rows are asked for, and {options.symbols} symbols make "
            f"{count} sequences of {options.digits}; take fewer rows, or more digits",
            path=raw, key="rows", value=options.rows.total,
        )  # fmt: skip
