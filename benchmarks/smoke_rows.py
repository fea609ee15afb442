"""Cuts the splits of a prepared data set to a few rows each, for `benchmarks.smoke`."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.spec import DataSpec
from pipelines.storage import arrays

ROWS = {"train": 96, "val": 48, "test": 48}


def cut_dataset(folder: Path) -> None:
    """Leaves one repeat of data/prepared/<key>, and some rows of each split in it."""
    path = folder / "spec.json"
    spec = DataSpec.load(path)
    for repeat in range(1, spec.repeats):
        shutil.rmtree(folder / f"repeat{repeat}")
    for split, rows in ROWS.items():
        cut_split(folder / "repeat0" / split, rows)
    digests = {name: arrays.digest(folder / name) for name in (f"repeat0/{s}" for s in ROWS)}
    replace(spec, repeats=1, digests=digests).save(path)


def cut_split(folder: Path, rows: int) -> None:
    """Windows of a series: the first ones, which follow one another. Others: spread evenly over
    the split, since rows may be in the order of their classes."""
    columns = arrays.read(folder)
    windows = {path.name.removesuffix(arrays.SERIES) for path in folder.glob(f"*{arrays.SERIES}")}
    total = len(next(iter(columns.values())))
    if total <= rows:
        return
    indices = np.arange(rows) if windows else np.linspace(0, total - 1, rows).astype(int)
    few = {
        name: column[indices]
        if isinstance(column, np.ndarray)
        else [column[int(index)] for index in indices]
        for name, column in columns.items()
    }
    # A view of overlapping windows is written as plain arrays: (rows, steps, ...).
    few = {
        name: np.ascontiguousarray(c) if isinstance(c, np.ndarray) else c for name, c in few.items()
    }
    shutil.rmtree(folder)
    arrays.write(folder, few)
