"""Cuts the splits of a prepared data set to a few rows each, for `benchmarks.smoke`."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.spec import DataSpec
from pipelines.storage import arrays
from pipelines.storage.repeated import Repeated

ROWS = {"train": 96, "val": 48, "test": 48}


def cut_dataset(folder: Path) -> None:
    """Leaves one repeat of data/prepared/<key>, and some rows of each split in it."""
    path = folder / "spec.json"
    spec = DataSpec.load(path)
    for repeat in range(1, spec.repeats):
        shutil.rmtree(folder / f"repeat{repeat}")
    if any((folder / "repeat0/train").glob(f"*{arrays.SERIES}")):
        cut_series(folder / "repeat0")
    else:
        for split, rows in ROWS.items():
            cut_split(folder / "repeat0" / split, rows)
    digests = {name: arrays.digest(folder / name) for name in (f"repeat0/{s}" for s in ROWS)}
    replace(spec, repeats=1, digests=digests).save(path)


def cut_series(folder: Path) -> None:
    """Takes all splits from the first windows of train: baselines join the windows of all splits
    into one series, which must not have gaps. A series of few windows stays as it is."""
    columns = arrays.read(folder / "train")
    if len(next(iter(columns.values()))) < sum(ROWS.values()):
        return
    start, pieces = 0, {}
    for split, rows in ROWS.items():
        pieces[split] = {
            name: np.array(column[start : start + rows]) for name, column in columns.items()
        }
        start += rows
    for split, few in pieces.items():
        shutil.rmtree(folder / split)
        arrays.write(folder / split, few)


def cut_split(folder: Path, rows: int) -> None:
    """Leaves rows spread evenly over the split, since they may be in the order of their classes."""
    columns = arrays.read(folder)
    total = len(next(iter(columns.values())))
    if total <= rows:
        return
    indices = np.linspace(0, total - 1, rows).astype(int)
    few = {name: _rows(column, indices) for name, column in columns.items()}
    shutil.rmtree(folder)
    arrays.write(folder, few)


def _rows(column: arrays.Column, indices: np.ndarray) -> arrays.Column:
    """Some rows of a column, as a column of the same kind."""
    if isinstance(column, np.ndarray):
        return np.array(column[indices])
    if isinstance(column, Repeated):
        used, numbers = np.unique(column.numbers[indices], return_inverse=True)
        return Repeated(_rows(column.values, used), numbers)
    rows = [column[int(index)] for index in indices]
    return column.of(rows) if isinstance(column, arrays.Images | arrays.Sequences) else rows
