"""A table of all runs: `python -m pipelines runs`.

First the store is brought up to date. dvc.lock lists the runs: their missing files are checked out
of DVC's cache; runs that the store does not have are rebuilt from these files (`restore`); runs
whose process has died are marked KILLED, as always when the store is opened.
"""

import functools
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from pipelines import tracking
from pipelines.commands import dvc_lock, restore
from pipelines.commands.report import aligned
from pipelines.tracking import store

HEAD = ("run", "experiment", "key", "state", "started", "host:pid", "reason")
PIPELINES = ("dvc.yaml", "benchmarks/dvc.yaml")
METRICS = Path("data/metrics")


def run(params_file: Path) -> None:
    check_out(missing())
    restore.run(params_file)
    client = tracking.client()
    tasks = {
        experiment.experiment_id: experiment.name for experiment in client.search_experiments()
    }
    rows = [
        row(entry, tasks[entry.info.experiment_id])
        for entry in store.all_runs(client, "", store.ViewType.ACTIVE_ONLY)
    ]
    print(aligned([HEAD, *rows]) if rows else "no runs yet: `make repro` makes some")
    if keys := [key for keys in missing().values() for key in keys]:
        print(
            f"dvc.lock names {len(keys)} trained models that are neither here nor in DVC's cache "
            f"({keys[0]}, ...); `dvc pull` brings them from a remote, `dvc repro` trains them"
        )


def row(run, task: str) -> tuple[str, ...]:
    """The cells of a run. That of another host is shown as that host last wrote it."""
    tags = run.data.tags
    started = datetime.fromtimestamp(run.info.start_time / 1000).isoformat(" ", "seconds")
    holder = f"{tags.get('process.host', '?')}:{tags.get('process.pid', '?')}"
    reason = tags.get("ended_because") or ""
    return run.info.run_id, task, run.info.run_name, run.info.status, started, holder, reason


def missing() -> dict[str, list[str]]:
    """By pipeline, the experiments in its dvc.lock whose files are not here."""
    missing_keys = {}
    for pipeline in PIPELINES:
        names = [name for name in locked(pipeline) if name.startswith("train@")]
        keys = [name.removeprefix("train@") for name in names]
        keys = [key for key in keys if not (restore.TRAINED / key / "run.json").is_file()]
        if keys:
            missing_keys[pipeline] = keys
    return missing_keys


@functools.cache
def locked(pipeline: str) -> dict[str, dict]:
    """The stages in its dvc.lock."""
    return dvc_lock.stages(Path(pipeline))


def check_out(missing_keys: dict[str, list[str]]) -> None:
    """Checks out the files of experiments that DVC's cache has: models, curves, results.

    Only missing folders are named, so DVC has nothing to overwrite and asks no question; and only
    what its cache has, as DVC takes a second for every stage that it has not.
    """
    if not missing_keys:
        return
    cache = Path(dvc("cache", "dir", stdout=subprocess.PIPE).stdout.strip())
    targets = []
    for pipeline, keys in missing_keys.items():
        stages = locked(pipeline)
        for stage, folder in (("train", restore.TRAINED), ("evaluate", METRICS)):
            names = {f"{stage}@{key}" for key in keys if not (folder / key).exists()}
            cached = (name for name in stages if name in names and holds(cache, stages[name]))
            targets += [f"{pipeline}:{name}" for name in cached]
    if targets:
        dvc("checkout", "--quiet", "--allow-missing", *targets)  # what is missing is printed later


def holds(cache: Path, stage: dict) -> bool:
    """Whether DVC's cache has the outputs of a stage of dvc.lock."""
    names = [out["md5"] for out in stage["outs"]]
    return all((cache / "files/md5" / name[:2] / name[2:]).is_file() for name in names)


def dvc(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, check=False, text=True, **options)
