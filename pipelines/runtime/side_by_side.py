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
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dvc.stage import Stage
    from networkx import DiGraph

POLL_S = 0.1


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.runtime.side_by_side")
    parser.add_argument("--jobs", type=int, default=default_jobs())
    parser.add_argument("graph")
    options = parser.parse_args(list(arguments))
    parts = changed_parts(options.graph)
    if not parts:
        print("repro: nothing has changed", flush=True)
        return 0
    stages = sum(part.count for part in parts)
    print(
        f"repro: {len(parts)} independent parts with {stages} stages, {options.jobs} at a time",
        flush=True,
    )
    return run([part.command() for part in parts], options.jobs)


def default_jobs() -> int:
    """One for each core of this process, four at most, as each holds its data in memory."""
    return min(len(os.sched_getaffinity(0)), 4)


def changed_parts(graph: str) -> list["Part"]:
    """The connected parts of a graph in which something has changed, the largest first.

    Args:
        graph: a dvc.yaml. Stages of other graphs that its stages need belong to the parts.
    """
    import networkx as nx
    from dvc.repo import Repo

    with Repo() as repo:
        every = repo.index.graph  # an edge leads from a stage to one that it needs
        own = repo.stage.collect(graph)
        needed = every.subgraph({*own}.union(*(nx.descendants(every, stage) for stage in own)))
        parts = sorted(nx.weakly_connected_components(needed), key=len, reverse=True)
        with repo.lock:
            return [_part(needed.subgraph(part)) for part in parts if any(map(_has_changed, part))]


def _has_changed(stage: "Stage") -> bool:
    """Whether files, parameters or command differ from dvc.lock."""
    return bool(stage.status(check_updates=True))


def _part(part: "DiGraph") -> "Part":
    last = [stage.addressing for stage, dependents in part.in_degree() if not dependents]
    return Part(sorted(last), len(part))


class Part(NamedTuple):
    """last: its stages that no other needs. count: of all its stages."""

    last: list[str]
    count: int

    def command(self) -> list[str]:
        """`dvc repro` of the part, which goes on after a stage that fails."""
        dvc = [sys.executable, "-m", "dvc", "--wait-for-lock"]
        return [*dvc, "repro", "--keep-going", *self.last]


def run(commands: Sequence[Sequence[str]], jobs: int) -> int:
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
