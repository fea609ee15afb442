"""Every run that is known, as a table: `python -m pipelines runs`.

First all is put right. dvc.lock says which runs there are: what of their files is not here is taken
out of DVC's cache; runs that the store does not show are brought back from those (`restore`); runs
whose process has died are marked KILLED, as they are whenever the store is opened.
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

HEAD = ("run", "experiment", "key", "state", "began", "host:pid", "why")
PIPELINES = ("dvc.yaml", "benchmarks/dvc.yaml")
METRICS = Path("data/metrics")


def run(params_file: Path) -> None:
    check_out(absent())
    restore.run(params_file)
    opened = tracking.client()
    tasks = {found.experiment_id: found.name for found in opened.search_experiments()}
    rows = [
        row(found, tasks[found.info.experiment_id])
        for found in store.all_runs(opened, "", store.ViewType.ACTIVE_ONLY)
    ]
    print(aligned([HEAD, *rows]) if rows else "no runs yet: `make repro` makes some")
    if keys := [key for keys in absent().values() for key in keys]:
        print(
            f"dvc.lock names {len(keys)} trained models that are neither here nor in DVC's cache "
            f"({keys[0]}, ...); `dvc pull` brings them from a remote, `dvc repro` trains them"
        )


def row(run, task: str) -> tuple[str, ...]:
    """A run that another host holds is shown as that host left it: nobody here can ask there."""
    tags = run.data.tags
    began = datetime.fromtimestamp(run.info.start_time / 1000).isoformat(" ", "seconds")
    held = f"{tags.get('process.host', '?')}:{tags.get('process.pid', '?')}"
    why = tags.get("ended_because") or ""
    return run.info.run_id, task, run.info.run_name, run.info.status, began, held, why


def absent() -> dict[str, list[str]]:
    """For each pipeline, the experiments that its dvc.lock knows and whose files are not here."""
    found = {}
    for pipeline in PIPELINES:
        names = [name for name in locked(pipeline) if name.startswith("train@")]
        keys = [name.removeprefix("train@") for name in names]
        keys = [key for key in keys if not (restore.TRAINED / key / "run.json").is_file()]
        if keys:
            found[pipeline] = keys
    return found


@functools.cache
def locked(pipeline: str) -> dict[str, dict]:
    """The stages in its dvc.lock."""
    return dvc_lock.stages(Path(pipeline))


def check_out(wanted: dict[str, list[str]]) -> None:
    """What DVC's cache has of them: models, curves, results.

    Only folders that are not there are asked for, so DVC has nothing to overwrite or to ask about;
    and only what its cache has, as it takes a second to find out about each that it has not.
    """
    if not wanted:
        return
    cache = Path(dvc("cache", "dir", stdout=subprocess.PIPE).stdout.strip())
    targets = []
    for pipeline, keys in wanted.items():
        stages = locked(pipeline)
        for stage, folder in (("train", restore.TRAINED), ("evaluate", METRICS)):
            missing = {f"{stage}@{key}" for key in keys if not (folder / key).exists()}
            here = (name for name in stages if name in missing and holds(cache, stages[name]))
            targets += [f"{pipeline}:{name}" for name in here]
    if targets:
        dvc("checkout", "--quiet", "--allow-missing", *targets)  # the end tells what did not come


def holds(cache: Path, stage: dict) -> bool:
    """Whether DVC's cache has the outputs of a stage of dvc.lock."""
    names = [out["md5"] for out in stage["outs"]]
    return all((cache / "files/md5" / name[:2] / name[2:]).is_file() for name in names)


def dvc(*arguments: str, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, check=False, text=True, **options)
