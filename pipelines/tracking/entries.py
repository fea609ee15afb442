"""What one run's entry in the store holds; how it is created, read, finalized and soft-deleted."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mlflow.entities import Run as Entry
from mlflow.exceptions import MlflowException

from pipelines.config.errors import UserError
from pipelines.tracking import names, origin, store

PARENT = "mlflow.parentRunId"
ORIGINAL = "original_run_id"
UNDEFINED = "undefined_metrics"
IDENTITY_PARTS = ("code", "data", "params")
# MLflow takes 100 parameters a call, and 1000 entries of which at most 100 tags.
PARAMS_A_CALL, METRICS_A_CALL = 100, 900
# MLflow would truncate longer values silently.
TAG_LENGTH, DIGEST_LENGTH = 8000, 36


def identity_tags(identity: Mapping) -> dict[str, str]:
    """One hash of code, data and params, and one each, so that a difference can be explained."""
    if set(identity) != set(IDENTITY_PARTS):
        raise ValueError(f"identity has {sorted(identity)}, expected {IDENTITY_PARTS}")
    parts = {name: _digest(identity[name]) for name in IDENTITY_PARTS}
    return {"identity": _digest(parts)} | {f"identity.{name}": parts[name] for name in parts}


def create(task: str, key: str, tags: Mapping[str, str], started_ms: int | None = None) -> Entry:
    """A new run, RUNNING and held by this process, named after its key."""
    client = store.client()
    tags = checked_tags({**tags, **origin.process(), "stage_key": key})
    experiment_id = store.experiment(client, task)
    return client.create_run(experiment_id, start_time=started_ms, tags=tags, run_name=key)


def reopen(run_id: str) -> Entry | None:
    """A run that is continued by this process; None if the store does not have it any more."""
    entry = find(run_id)
    if entry is None or entry.info.lifecycle_stage != "active":
        return None
    store.check_location(entry)
    claim(entry.info.run_id)
    return entry


def claim(run_id: str) -> None:
    """Makes this process the holder of the run, and the run RUNNING."""
    # The tags first: a RUNNING run whose tags name a dead process would be marked KILLED.
    log(run_id, [], origin.process(), now_ms())
    store.client().update_run(run_id, status="RUNNING")


def describe(run_id: str, params: Mapping, dataset: Mapping | None) -> None:
    """Logs what a run is made from: parameters, and the data set as MLflow's own input."""
    entries = [Param(names.accepted(name), _param(name, value)) for name, value in params.items()]
    for first in range(0, len(entries), PARAMS_A_CALL):
        store.client().log_batch(run_id, params=entries[first : first + PARAMS_A_CALL])
    if dataset:
        entry = Dataset(
            name=dataset["name"],
            # MLflow keeps 36 characters; the tag data_digest has all of them.
            digest=dataset["digest"][:DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": str(dataset["source"])}),
        )
        dataset_input = DatasetInput(entry, [InputTag("mlflow.data.context", "training")])
        with store.exclusive():
            store.client().log_inputs(run_id, [dataset_input])


def log(run_id: str, rows: list[tuple[str, float, int]], tags: Mapping, at_ms: int) -> None:
    """Metrics as (name, value, step), and tags, in as few calls as MLflow allows."""
    entries = [Metric(name, value, at_ms, step) for name, value, step in rows]
    run_tags = [RunTag(name, value) for name, value in checked_tags(tags).items()]
    for first in range(0, max(len(entries), 1), METRICS_A_CALL):
        batch = entries[first : first + METRICS_A_CALL]
        store.client().log_batch(run_id, metrics=batch, tags=run_tags)
        run_tags = []


def finite(values: Mapping, step: int | None) -> tuple[list[tuple[str, float, int]], set[str]]:
    """The values as rows, and the names of those that are None (undefined); refuses NaN and inf.

    The names are those that MLflow takes. It would store infinity as 1.8e308, which a chart then
    shows as a measurement.
    """
    rows, undefined = [], set()
    for original_name, value in values.items():
        name = names.accepted(original_name)
        if value is None:
            undefined.add(name)
            continue
        if not math.isfinite(value):
            place = original_name if step is None else f"{original_name} at step {step}"
            raise UserError(
                "metric-not-finite",
                f"the value is {value}; if training diverged, lower learning_rate; a metric that "
                "is undefined must be given as None",
                key=f"metric {place}",
                value=value,
            )
        rows.append((name, float(value), step or 0))
    return rows, undefined


def find(run_id: str) -> Entry | None:
    """The run with this id, or the one rebuilt from it; None if the store has neither."""
    try:
        return store.client().get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    rebuilt = store.all_runs(store.client(), f"tags.{ORIGINAL} = '{run_id}'", ViewType.ALL)
    active = [run for run in rebuilt if run.info.lifecycle_stage == "active"]
    return next(iter(active + rebuilt), None)


def soft_delete_others(run: Entry) -> list[str]:
    """Soft-deletes the other ended runs of this run's identity, key and parent; returns their ids.

    A run that a living process still writes is left: that process soft-deletes this one at its end.
    """
    run_tags, client, deleted = run.data.tags, store.client(), []
    filter_string = f"tags.identity = '{run_tags['identity']}' and attributes.status != 'RUNNING'"
    for other in store.all_runs(client, filter_string, ViewType.ACTIVE_ONLY):
        tags = other.data.tags
        same = all(tags.get(name) == run_tags.get(name) for name in ("stage_key", PARENT))
        if same and other.info.run_id != run.info.run_id:
            deleted += [child.info.run_id for child in children(other.info.run_id)]
            deleted.append(other.info.run_id)
    for run_id in deleted:
        client.delete_run(run_id)
    return deleted


def children(run_id: str, view: int = ViewType.ACTIVE_ONLY) -> list[Entry]:
    return store.all_runs(store.client(), f"tags.`{PARENT}` = '{run_id}'", view)


@contextmanager
def finalize(run_id: str, ended_ms: int | None = None) -> Iterator[None]:
    """Gives a run its last status at the end of the block, whatever ends it.

    Args:
        ended_ms: the end time of the run; by default now.
    """
    try:
        yield
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        _end(run_id, status, f"{type(error).__name__}: {error}"[:TAG_LENGTH], ended_ms)
        raise
    else:
        _end(run_id, "FINISHED", "", ended_ms)


def _end(run_id: str, status: str, reason: str, ended_ms: int | None) -> None:
    if reason or store.client().get_run(run_id).data.tags.get("ended_because"):
        store.client().set_tag(run_id, "ended_because", reason)
    store.client().set_terminated(run_id, status, ended_ms)


def now_ms() -> int:
    return int(time.time() * 1000)


def checked_tags(tags: Mapping) -> dict[str, str]:
    texts = {name: str(value) for name, value in tags.items()}
    for name, text in texts.items():
        if len(text) > TAG_LENGTH:
            raise UserError(
                "tag-too-long",
                f"{len(text)} characters, and MLflow keeps {TAG_LENGTH}; give a shorter text",
                key=f"tag {name}",
                value=text,
            )
    return texts


def _param(name: str, value) -> str:
    text = json.dumps(list(value)) if isinstance(value, list | tuple) else str(value)
    if isinstance(value, Mapping):
        raise UserError(
            "param-not-flat", "must be one value or a list", key=f"param {name}", value=value
        )
    return names.shortened(text)


def _digest(value) -> str:
    text = json.dumps(value, sort_keys=True, default=_as_text)
    return hashlib.sha256(text.encode()).hexdigest()


def _as_text(value) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"identity holds a {type(value).__name__}; give numbers, texts, lists, dicts")
