"""A run that is open for writing: started by `train`, resumed by `evaluate` and `export`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Run as Entry
from mlflow.entities import ViewType

from pipelines.tracking import artifacts, entries, names, origin, store
from pipelines.tracking.rebuild import rebuild


class Run:
    """An open run. Every call writes at once and raises what the store raises."""

    def __init__(self, entry: Entry, record: Mapping):
        self.id: str = entry.info.run_id
        self._record = record
        listed = entry.data.tags.get(entries.UNDEFINED, "")
        self._undefined = set(filter(None, listed.split(", ")))

    def metrics(self, values: Mapping[str, float | None], step: int | None = None) -> None:
        """Logs metrics in one call, at `step` of a curve or (None) as results of the run.

        A value of None is an undefined metric: not logged, but listed in the tag
        `undefined_metrics`. NaN and infinity are refused, and then nothing is written.
        """
        rows, undefined = entries.finite(values, step)
        defined = {name for name, _, _ in rows}
        missing = (self._undefined - defined) | undefined
        changed = missing != self._undefined
        tags = {entries.UNDEFINED: ", ".join(sorted(missing))} if changed else {}
        if rows or tags:
            entries.log(self.id, rows, tags, entries.now_ms())
        self._undefined = missing

    def last_step(self, metric: str) -> int:
        """The last step at which a curve has a value; 0 if it has none."""
        history = store.client().get_metric_history(self.id, names.accepted(metric))
        return max((point.step for point in history), default=0)

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Stores a file, or everything a folder holds, under `folder` (default: at the top)."""
        log = store.client().log_artifacts if path.is_dir() else store.client().log_artifact
        log(self.id, str(path), folder)

    def trained(self, folder: Path, trial: str) -> None:
        """Stores the files of a trial: model, history, decision rule."""
        artifacts.log_trained(self.id, folder, trial)

    def results(self, tracked: Path) -> None:
        """Stores the results beside scores/tracked.json, whose scores become metrics."""
        self.metrics(json.loads(tracked.read_text("utf-8")))
        artifacts.log_results(self.id, tracked)

    def exported(self, folder: Path) -> None:
        """Stores the signature and the golden answers of the exported model."""
        artifacts.log_exported(self.id, folder)

    def data_report(self, prepared: Path) -> None:
        """Stores the data report of a folder that `prepare` wrote."""
        artifacts.log_data_report(self.id, prepared)

    def tag(self, tags: Mapping) -> None:
        entries.log(self.id, [], tags, entries.now_ms())

    def record(self) -> dict:
        """All that is needed to rebuild this run elsewhere: plain values, written to run.json.

        Curves are in history.csv; `metrics` holds the latest value of every metric.
        """
        entry = store.client().get_run(self.id)
        return {
            "run_id": self.id,
            "task": self._record["task"],
            "key": self._record["key"],
            "parent": entry.data.tags.get(entries.PARENT),
            "params": dict(entry.data.params),
            "tags": dict(entry.data.tags),
            "dataset": self._record["dataset"],
            "metrics": dict(entry.data.metrics),
            "start_time": entry.info.start_time,
            "end_time": entry.info.end_time or entries.now_ms(),
        }


@contextmanager
def start(
    task: str,
    key: str,
    *,
    identity: Mapping,
    params: Mapping,
    tags: Mapping,
    dataset: Mapping | None,
    parent: str | None = None,
    begun: str | None = None,
) -> Iterator[Run]:
    """A run of experiment `task`, named `key`: a new one, or the interrupted one with id `begun`.

    identity: {"code", "data", "params"}, each a text or plain value; their hash is the tag
        `identity`. When this run ends well, other ended runs of the same identity, key and parent
        are soft-deleted: a forced re-run replaces, a failed one does not.
    params: flat; a value is one scalar, or a list, which is stored as JSON.
    dataset: {"name", "digest", "source"}, logged as an MLflow data set input.
    parent: the id of the run that this one is a trial of.

    It ends FINISHED; FAILED on an exception; KILLED on Ctrl-C, SIGTERM and SystemExit. The tag
    `ended_because` says why.
    """
    all_tags = {**origin.tags(), **entries.identity_tags(identity), **tags}
    if dataset:
        all_tags["data_digest"] = dataset["digest"]
    if parent:
        all_tags[entries.PARENT] = parent
    with origin.termination_raises():
        entry = entries.reopen(begun) if begun else None
        if entry is None:
            entry = entries.create(task, key, all_tags)
            begun = None
        with entries.finalize(entry.info.run_id):
            if begun is None:
                entries.describe(entry.info.run_id, params, dataset)
            yield Run(entry, {"task": task, "key": key, "dataset": dataset and dict(dataset)})
        entries.soft_delete_others(entry)


@contextmanager
def resume(record: Mapping, *, files: Path, metrics: Path | None = None) -> Iterator[Run]:
    """Continues the run of a run.json; one that the store does not have is rebuilt first.

    Args:
        files: the folder of that run.json, from which curves are rebuilt.
        metrics: its scores/tracked.json in data/metrics, if there is one already.

    While open it is RUNNING; its end time stays that of training. A run that was soft-deleted is
    restored, and the one that had replaced it is soft-deleted: the present files are this run's.

    Raises:
        UserError: `artifacts-elsewhere`, where the project was moved or copied.
    """
    with origin.termination_raises():
        entry = entries.find(record["run_id"]) or rebuild(record, files, metrics)
        store.check_location(entry)
        store.activate_experiment(entry)
        run_id, deleted = entry.info.run_id, entry.info.lifecycle_stage != "active"
        if deleted:
            _undelete(run_id)
        with entries.finalize(run_id, entry.info.end_time):
            entries.claim(run_id)
            yield Run(entry, record)
        if deleted:
            entries.soft_delete_others(entry)


def _undelete(run_id: str) -> None:
    for child in entries.children(run_id, ViewType.DELETED_ONLY):
        store.client().restore_run(child.info.run_id)
    store.client().restore_run(run_id)
