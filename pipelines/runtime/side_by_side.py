"""Runs the unconnected parts of a DVC graph side by side, each by a `dvc repro` of its own.

    python -m pipelines.runtime.side_by_side [--jobs N] GRAPH

DVC runs one stage after another. Where a stage is mostly Python on one core, as many are here, the
others idle. DVC lets several `dvc repro` work in one folder as long as they have no stage in
common, as is so for stages that are not connected by what they write and read.

The graph is read and compared with the files once, so that a graph without changes starts no DVC.
https://dvc.org/doc/command-reference/repro#parallel-stage-execution
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.stage import Stage
    from networkx import DiGraph

CODE = "code"  # the stage that all others depend on
FETCH = "fetch"  # its stages come next, since one download serves several data sets
POLL_S = 0.1


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.runtime.side_by_side")
    parser.add_argument("--jobs", type=int, default=default_jobs())
    parser.add_argument("graph")
    options = parser.parse_args(list(arguments))
    fetches, parts = changed_parts(options.graph)
    if parts == [[CODE]]:
        if status := run([command([CODE])], jobs=1):
            return status
        fetches, parts = changed_parts(options.graph)
    if not parts:
        print("repro: nothing has changed", flush=True)
        return 0
    stages = sum(map(len, fetches + parts))
    print(
        f"repro: {len(parts)} independent parts with {stages} stages, {options.jobs} at a time",
        flush=True,
    )
    statuses = [run(map(command, some), options.jobs) for some in (fetches, parts)]
    return next(filter(None, statuses), 0)


def default_jobs() -> int:
    """One for each core of this process, four at most, as each holds its data in memory."""
    return min(len(os.sched_getaffinity(0)), 4)


def changed_parts(graph: str) -> tuple[list[list[str]], list[list[str]]]:
    """(downloads, the rest): the stages, in order, of each connected part in which something has
    changed, in the order of the graph's data sets.

    Where the stage CODE has changed it is the only part, since every other part depends on it.
    Downloads run before the rest, which they would connect: each is a part of its own.

    Args:
        graph: a dvc.yaml. Stages of other graphs that its stages need belong to the parts.
    """
    import networkx as nx
    from dvc.repo import Repo

    with Repo() as repo:
        every = repo.index.graph  # an edge leads from a stage to one that it needs
        of_graph = repo.stage.collect(graph)
        needed = {*of_graph}.union(*(nx.descendants(every, stage) for stage in of_graph))
        code = {stage for stage in needed if stage.addressing == CODE}
        with repo.lock:
            if any(map(_has_changed, code)):
                return [], [[CODE]]
            changed = set(filter(_has_changed, needed - code))
            fetches = set(filter(_is_fetch, needed))
            missing = fetches & changed
            for fetch in missing:
                changed |= needed & nx.ancestors(every, fetch)  # what reads the files
            rest = every.subgraph(needed - code - fetches)
            place = {stage: number for number, stage in enumerate(of_graph)}
            parts = sorted(
                nx.weakly_connected_components(rest),
                key=lambda part: min(place.get(stage, len(place)) for stage in part),
            )
            return (
                [[fetch.addressing] for fetch in missing],
                [_in_order(rest.subgraph(part)) for part in parts if changed & part],
            )


def _is_fetch(stage: "Stage") -> bool:
    return stage.addressing.rpartition(":")[2].partition("@")[0] == FETCH


def _has_changed(stage: "Stage") -> bool:
    """Whether files, parameters or command differ from dvc.lock."""
    return bool(stage.status(check_updates=True))


def _in_order(part: "DiGraph") -> list[str]:
    """Every stage after those that it needs, and each experiment's stages one after the other."""
    import networkx as nx

    last = sorted((stage for stage, count in part.in_degree() if not count), key=str)
    ordered = [stage for start in last for stage in nx.dfs_postorder_nodes(part, start)]
    return [stage.addressing for stage in dict.fromkeys(ordered)]


def command(stages: Sequence[str]) -> list[str]:
    """`dvc repro` of these stages alone; it goes on after one that fails.

    Without `--single-item` each part would look at the stage CODE, while the others read its files.
    """
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock"]
    return [*dvc, "repro", "--single-item", "--keep-going", *stages]


def run(commands: Iterable[Sequence[str]], jobs: int) -> int:
    """Runs commands, at most so many at once; the first exit status that is not 0, or else 0.

    A SIGTERM is passed on to what runs, and ends this process when that has ended. A Ctrl-C reaches
    all processes of the terminal by itself.
    """
    waiting = deque(commands)
    running: list[subprocess.Popen] = []
    status = 0
    handler = signal.signal(signal.SIGTERM, _stop)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(subprocess.Popen(waiting.popleft()))
            time.sleep(POLL_S)
            ended = [process for process in running if process.poll() is not None]
            running = [process for process in running if process.returncode is None]
            status = next(filter(None, [status, *(process.returncode for process in ended)]), 0)
        return status
    except SystemExit:
        for process in running:
            process.terminate()
        raise
    finally:
        for process in running:
            process.wait()
        signal.signal(signal.SIGTERM, handler)


def _stop(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
