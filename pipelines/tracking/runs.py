"""A run while it is written: started by `train`, resumed by `evaluate` and `export`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Run as Entry
from mlflow.entities import ViewType

from pipelines.tracking import entries, origin, store
from pipelines.tracking.rebuild import rebuild


class Run:
    """An open run. Every call writes at once and raises what the store raises."""

    def __init__(self, entry: Entry, record: Mapping):
        self.id: str = entry.info.run_id
        self._record = record
        named = entry.data.tags.get(entries.UNDEFINED, "")
        self._undefined = set(filter(None, named.split(", ")))

    def metrics(self, values: Mapping[str, float | None], step: int | None = None) -> None:
        """Logs metrics in one call, at `step` of a curve or (None) as results of the run.

        A value of None is an undefined metric: left out, and named in the tag
        `undefined_metrics`. NaN and infinity are refused, and then nothing is written.
        """
        rows, undefined = entries.finite(values, step)
        named = (self._undefined - values.keys()) | undefined
        changed = {entries.UNDEFINED: ", ".join(sorted(named))} if named != self._undefined else {}
        if rows or changed:
            entries.log(self.id, rows, changed, entries.now_ms())
        self._undefined = named

    def last_step(self, metric: str) -> int:
        """The last step at which a curve has a value; 0 where it has none."""
        history = store.client().get_metric_history(self.id, metric)
        return max((point.step for point in history), default=0)

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Stores a file, or everything a folder holds, under `folder` (default: at the top)."""
        keep = store.client().log_artifacts if path.is_dir() else store.client().log_artifact
        keep(self.id, str(path), folder)

    def tag(self, tags: Mapping) -> None:
        entries.log(self.id, [], tags, entries.now_ms())

    def record(self) -> dict:
        """What it takes to rebuild this run elsewhere: plain values, written to run.json.

        Curves are left to history.csv; `metrics` holds the latest value of every metric.
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
    every = {**origin.tags(), **entries.identity_tags(identity), **tags}
    if dataset:
        every["data_digest"] = dataset["digest"]
    if parent:
        every[entries.PARENT] = parent
    with origin.termination_raises():
        entry = entries.reopen(begun) if begun else None
        if entry is None:
            entry = entries.create(task, key, every)
            begun = None
        with entries.Ending(entry.info.run_id):
            if begun is None:
                entries.describe(entry.info.run_id, params, dataset)
            yield Run(entry, {"task": task, "key": key, "dataset": dataset and dict(dataset)})
        entries.retire_others(entry)


@contextmanager
def resume(record: Mapping, *, files: Path, metrics: Path | None = None) -> Iterator[Run]:
    """Continues the run of a run.json; one that the store does not know is rebuilt first.

    files: the folder of that run.json, from which curves are rebuilt; metrics: the flat JSON file
    of results that belongs to it, where there is one already.

    While open it is RUNNING; its end time stays that of training. A run that was retired comes
    back, and retires the one that had replaced it: the files at hand are this run's.
    """
    with origin.termination_raises():
        entry = entries.find(record["run_id"]) or rebuild(record, files, metrics)
        run_id, retired = entry.info.run_id, entry.info.lifecycle_stage != "active"
        if retired:
            _revive(run_id)
        with entries.Ending(run_id, entry.info.end_time):
            entries.take(run_id)
            yield Run(entry, record)
        if retired:
            entries.retire_others(entry)


def _revive(run_id: str) -> None:
    for child in entries.children(run_id, ViewType.DELETED_ONLY):
        store.client().restore_run(child.info.run_id)
    store.client().restore_run(run_id)
