"""Rebuilds runs from the files that DVC keeps, for a store that has never seen them.

A fresh clone that pulled the cache has models, curves and metrics but an empty store. MLflow gives
every run an id of its own, so a rebuilt run has a new one, and the tag `original_run_id` leads to
it from the run.json that still names the old one; the tag `restored_from` says what was read.
"""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Run as Entry

from pipelines.config.errors import UserError
from pipelines.tracking import entries, store


def restore(folder: Path, metrics: Path | None = None) -> str:
    """The id of the run of `folder`/run.json in this store, rebuilt where it is missing."""
    record = json.loads((folder / "run.json").read_text())
    return (entries.find(record["run_id"]) or rebuild(record, folder, metrics)).info.run_id


def restore_all(root: Path) -> list[dict]:
    """Rebuilds every missing run below `root`/data/trained; the second time there is nothing to do.

    Returns {"key", "run_id", "original_run_id"} of each. Parents come before their trials.
    """
    rebuilt, trained = [], root / "data" / "trained"
    for path in [*sorted(trained.glob("*/run.json")), *sorted(trained.glob("*/*/run.json"))]:
        record = json.loads(path.read_text())
        if entries.find(record["run_id"]) is None:
            entry = rebuild(record, path.parent, _results_file(root / "data", path.parent))
            ids = {"run_id": entry.info.run_id, "original_run_id": record["run_id"]}
            rebuilt.append({"key": record["key"], **ids})
    return rebuilt


def _results_file(data: Path, folder: Path) -> Path | None:
    """Where evaluate writes the results of a run, or of one of its trials."""
    run = folder.relative_to(data / "trained")
    metrics = data / "metrics"
    path = metrics / f"{run}.json"
    if len(run.parts) > 1:
        path = metrics / run.parent / "scores" / run.name / "scores.json"
    return path if path.exists() else None


def rebuild(record: Mapping, folder: Path, metrics: Path | None) -> Entry:
    """Writes a run anew from its record, its curves (history.csv) and its results.

    Beside results `<key>.json` the folder `<key>` holds figures and tables: the run's artifacts.
    The tag that makes it findable is written last, so a rebuild that was cut short is done again;
    the remains have the same identity and are retired.
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
    with entries.Ending(run_id, record["end_time"]):
        entries.describe(run_id, record["params"], record["dataset"])
        entries.log(run_id, curves + results, {}, record["end_time"])
        if metrics and metrics.with_suffix("").is_dir():
            store.client().log_artifacts(run_id, str(metrics.with_suffix("")))
    found = {"restored_from": str(folder / "run.json"), entries.ORIGINAL: record["run_id"]}
    entries.log(run_id, [], found, record["end_time"])
    entries.retire_others(entry)
    return store.client().get_run(run_id)


def _curves(folder: Path) -> list[tuple[str, float, int]]:
    """Every point of the run's history.csv, which lies in its folder or in its only trial.

    Where there are more trials, each has a run and a history of its own.
    """
    found = [folder / "history.csv", *sorted(folder.glob("*/history.csv"))]
    found = [path for path in found if path.exists()]
    if len(found) != 1:
        return []
    points = []
    with found[0].open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            if "epoch" not in row:
                raise UserError(f"{found[0]}: no column epoch in {sorted(row)}; run train again")
            if None in row or None in row.values():
                raise UserError(
                    f"{found[0]}:{line}: not as many values as columns; run train again"
                )
            epoch = int(row.pop("epoch"))
            values = {name: float(text) if text else None for name, text in row.items()}
            points += entries.finite(values, epoch)[0]
    return points


def _other_metrics(record: Mapping, curves: list, metrics: Path | None) -> tuple[list, set[str]]:
    """Metrics without a curve: what the record remembers, then what the results file says."""
    drawn = {name for name, _, _ in curves}
    values = {name: value for name, value in record["metrics"].items() if name not in drawn}
    if metrics is not None:
        values |= json.loads(metrics.read_text())
    return entries.finite(values, None)
