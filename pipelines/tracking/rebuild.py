"""Rebuilds runs from the files that DVC keeps, for a store that has never seen them.

A fresh clone that pulled the cache has models, curves and metrics but an empty store. MLflow
assigns run ids itself, so a rebuilt run has a new one; the tag `original_run_id` holds the old one,
by which run.json still names it; the tag `restored_from` says what was read.
"""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Run as Entry

from pipelines.config.errors import UserError
from pipelines.config.file_names import BEST_EPOCH, TRACKED
from pipelines.tracking import artifacts, entries, store

TRIAL_FILES = ("history.csv", BEST_EPOCH)  # a classical model has the second alone


def restore(folder: Path, metrics: Path | None = None) -> str:
    """The id of the run of `folder`/run.json in this store, rebuilt if it is missing."""
    record = json.loads((folder / "run.json").read_text())
    entry = entries.find(record["run_id"]) or rebuild(record, folder, metrics)
    store.check_location(entry)
    return entry.info.run_id


def restore_all(root: Path) -> list[dict]:
    """Rebuilds every missing run below `root`/data/trained.

    Returns {"key", "run_id", "original_run_id"} of every rebuilt run, parents before their trials.

    Raises:
        UserError: `artifacts-elsewhere`, where the project was moved or copied.
    """
    rebuilt, trained = [], root / "data" / "trained"
    for path in [*sorted(trained.glob("*/run.json")), *sorted(trained.glob("*/*/run.json"))]:
        record = json.loads(path.read_text())
        entry = entries.find(record["run_id"])
        if entry is not None:
            store.check_location(entry)
        else:
            entry = rebuild(record, path.parent, _results_file(root / "data", path.parent))
            ids = {"run_id": entry.info.run_id, "original_run_id": record["run_id"]}
            rebuilt.append({"key": record["key"], **ids})
    return rebuilt


def _results_file(data: Path, folder: Path) -> Path | None:
    """The file in which evaluate writes the results of a run, or of one of its trials."""
    key, *trial = folder.relative_to(data / "trained").parts
    path = Path(data, "metrics", key, "scores", *trial, TRACKED)
    return path if path.exists() else None


def rebuild(record: Mapping, folder: Path, metrics: Path | None) -> Entry:
    """Creates a run from its record, its curves (history.csv) and its results.

    The run's files are those of `artifacts`, as far as they are here.
    The tag by which it is looked up is written last, so an interrupted rebuild is done again; the
    incomplete run has the same identity and is soft-deleted.
    """
    curves = _curves(folder)
    results, undefined = _other_metrics(record, curves, metrics)
    parent = record["parent"] and entries.find(record["parent"])
    tags = dict(record["tags"])
    if undefined:
        tags[entries.UNDEFINED] = ", ".join(sorted(undefined))
    if parent:
        tags[entries.PARENT] = parent.info.run_id
    tags.pop(entries.ORIGINAL, None)
    entry = entries.create(record["task"], record["key"], tags, record["start_time"])
    run_id = entry.info.run_id
    with entries.finalize(run_id, record["end_time"]):
        entries.describe(run_id, record["params"], record["dataset"])
        entries.log(run_id, curves + results, {}, record["end_time"])
        _log_files(run_id, record, folder, metrics)
    source = {"restored_from": str(folder / "run.json"), entries.ORIGINAL: record["run_id"]}
    entries.log(run_id, [], source, record["end_time"])
    entries.soft_delete_others(entry)
    return store.client().get_run(run_id)


def _log_files(run_id: str, record: Mapping, folder: Path, metrics: Path | None) -> None:
    """Args: as of `rebuild`; the exported model and the prepared data are looked for beside it."""
    trials = {path.parent for name in TRIAL_FILES for path in folder.glob(f"**/{name}")}
    if len(trials) == 1:  # otherwise every trial has a run of its own
        (trial,) = trials
        artifacts.log_trained(run_id, trial, trial.name)
    if metrics is not None:
        artifacts.log_results(run_id, metrics)
    if record["parent"] is None:
        data = folder.parents[1]
        artifacts.log_exported(run_id, data / "exported" / record["key"])
        dataset = record["params"].get("dataset", "")
        artifacts.log_data_report(run_id, data / "prepared" / dataset)


def _curves(folder: Path) -> list[tuple[str, float, int]]:
    """Every point of the run's history.csv, which lies in its folder or in its only trial.

    If there are several trials, every trial has its run and its history.
    """
    paths = [folder / "history.csv", *sorted(folder.glob("*/history.csv"))]
    paths = [path for path in paths if path.exists()]
    if len(paths) != 1:
        return []
    (path,) = paths
    points = []
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            if "epoch" not in row:
                raise UserError(
                    "column-missing",
                    f"no column epoch in {sorted(map(str, row))}; run train again",
                    path=path,
                    line=1,
                    key="epoch",
                )
            if None in row or None in row.values():
                raise UserError(
                    "row-incomplete",
                    "not as many values as columns; run train again",
                    path=path,
                    line=line,
                )
            epoch = int(row.pop("epoch"))
            values = {name: float(text) if text else None for name, text in row.items()}
            points += entries.finite(values, epoch)[0]
    return points


def _other_metrics(record: Mapping, curves: list, metrics: Path | None) -> tuple[list, set[str]]:
    """Metrics without a curve: those of the record, then those of the results file."""
    with_curve = {name for name, _, _ in curves}
    values = {name: value for name, value in record["metrics"].items() if name not in with_curve}
    if metrics is not None:
        values |= json.loads(metrics.read_text())
    return entries.finite(values, None)
