"""The input of every program: the same rows of prepared data, in memory. Uses NumPy only.

`work` is one run of one program as plain values: `case`, `program`, `seed`, `threads`.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.spec import DataSpec
from pipelines.storage import arrays

PREPARED = Path("data/prepared")
SPLIT = "repeat0"


@dataclass(frozen=True)
class Data:
    spec: DataSpec
    train: dict
    val: dict

    def inputs(self, part: dict) -> dict:
        return {name: part[name] for name in self.spec.inputs}

    @property
    def examples(self) -> int:
        """How many an epoch has: rows, or tokens of documents."""
        target = self.train[self.spec.target.name]
        return len(target) if isinstance(target, np.ndarray) else sum(map(len, target))


def load(case: dict, texts: bool = False) -> Data:
    """The rows of a case. inputs: the fields to take, all by default. positions: the
    length that padded rows are cut to. history_steps: how many of a history's last steps are taken.
    texts: with raw texts."""
    folder = PREPARED / case["experiment"]["dataset"]
    spec = DataSpec.load(folder / "spec.json")
    taken = case.get("inputs", list(spec.inputs))
    spec = replace(spec, inputs={name: spec.inputs[name] for name in taken})
    positions = case.get("positions")
    if positions:
        fields = {
            name: replace(field, shape=(positions,)) if field.padded else field
            for name, field in spec.inputs.items()
        }
        spec = replace(spec, inputs=fields)
    steps = case.get("history_steps")
    if steps:
        history = spec.inputs["history"]
        shortened = replace(history, shape=(steps, *history.shape[1:]))
        spec = replace(spec, inputs={**spec.inputs, "history": shortened})
    names = [*spec.inputs, spec.target.name, *([spec.request_inputs[0]] if texts else [])]
    parts = {
        part: _part(arrays.read(folder / SPLIT / part), names, case.get(f"{part}_rows"), positions)
        for part in ("train", "val")
    }
    if steps:
        for columns in parts.values():
            columns["history"] = columns["history"][:, -steps:].copy()
    return Data(spec, **parts)


def _part(columns: dict, names: list[str], most: int | None, positions: int | None) -> dict:
    """Rows spread over the split: files are often sorted."""
    present = len(columns[names[0]])
    rows = np.linspace(0, present - 1, min(most or present, present)).round().astype(int)
    selected: dict = {}
    for name in names:
        column = columns[name]
        if isinstance(column, np.ndarray):
            ids = positions and column.ndim == 2 and column.dtype.kind in "iu"
            selected[name] = np.array(column[rows, :positions] if ids else column[rows])
        else:
            selected[name] = [column[row] for row in rows]
    return selected


def streams(documents: list, rows: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(B, N) ids and the ids after them, N whole windows: as pipelines/training/token_streams.py,
    which imports Keras."""
    joined = np.concatenate([part for ids in documents for part in ([0], ids)])
    length = steps * -(-len(joined) // (rows * steps))
    padded = np.zeros(rows * length + 1, np.int32)
    padded[: len(joined)] = joined
    return padded[:-1].reshape(rows, length), padded[1:].reshape(rows, length)


def answer(run) -> None:
    """Runs a program on the work that the command line names; its result is the last line."""
    result = run(json.loads(sys.argv[1]))
    print(json.dumps(result), flush=True)
