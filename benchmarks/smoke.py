"""Runs every stage of a graph once, on a few rows for one epoch: `make smoke`.

`python -m benchmarks.smoke [--distinct | --only KEY ...] [FILE ...]`, for graphs besides the root.

It shows that all experiments still run from data to a verified SavedModel; the scores mean
nothing. Code and params files are copied into a temporary folder, so that neither data/ nor
mlflow.db of this project is read or written. Prepared splits are cut to a few rows, since training
and scoring a whole data set would take hours. Public data comes from the folder or address in
DATASETS_MIRROR, or from ../shared/datasets if that folder exists; without either, the experiments
on public data are skipped, and that is printed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import yaml

from benchmarks import smoke_graph
from benchmarks.smoke_graph import ROOT, Graph, Params, Stage
from benchmarks.smoke_rows import cut_dataset
from pipelines.commands import graphs
from pipelines.config import loader
from pipelines.config.errors import UserError

MIRROR, DEFAULT_MIRROR = "DATASETS_MIRROR", ROOT.parent / "shared/datasets"
COPIED = ("pipelines", "models", "requirements.txt")


@dataclass(frozen=True)
class Failure:
    command: str
    output: str


class Runner:
    """Runs stages in the temporary folder, as many at once as there are cores."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.failures: list[Failure] = []
        self.seconds: dict[str, float] = {}
        mirror = {MIRROR: str(DEFAULT_MIRROR)} if DEFAULT_MIRROR.is_dir() else {}
        self.environ = {**mirror, **os.environ, "PYTHONPATH": str(folder)}

    def run(self, graph: Graph) -> int:
        """Every stage after those that it needs; returns how many were left out, since one of
        those failed."""
        order = TopologicalSorter(graph)
        order.prepare()
        running: dict[Future, Stage] = {}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            ready = order.get_ready()
            while ready or running:
                running |= {pool.submit(self.stage, stage): stage for stage in ready}
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                stages = {future: running.pop(future) for future in finished}
                order.done(*(stage for future, stage in stages.items() if future.result()))
                ready = order.get_ready()
        return len(graph) - len(self.seconds)

    def stage(self, stage: Stage) -> bool:
        """Whether the stage succeeded; its output is recorded if it did not."""
        arguments = ["-m", "pipelines", stage.name, stage.key, "--params", stage.params_file]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=self.environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        self.seconds[str(stage)] = seconds
        outcome = "FAILED" if done.returncode else "ok"
        print(f"{outcome:6} {seconds:5.1f} s  {stage}", flush=True)
        if done.returncode:
            self.failures.append(Failure(f"{stage} ({stage.params_file})", done.stdout))
        elif stage.name == "prepare":
            cut_dataset(self.folder / "data/prepared" / stage.key)
        return not done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smoke", description=__doc__)
    parser.add_argument("params", nargs="*", default=[*graphs.PARAMS.values()], metavar="FILE")
    parser.add_argument(
        "--distinct", action="store_true",
        help="one experiment for each model and each recipe that the root's graph does not have",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", metavar="KEY", help="these experiments")
    options = parser.parse_args()
    began = time.perf_counter()
    try:
        for name in options.params:
            loader.load(Path(name))
    except UserError as error:
        print(f"error[{error.code}]: {error}", file=sys.stderr)
        return 2
    params = smoke_graph.read(options.params)
    smoke_graph.shorten(params)
    keys = options.only or selected(params, options.params, options.distinct)
    with tempfile.TemporaryDirectory(prefix="pipelines-smoke-") as folder:
        runner = Runner(Path(folder))
        keys, graph = with_data(smoke_graph.graph_of(params), keys, MIRROR in runner.environ)
        fill(Path(folder), params)
        left_out = runner.run(graph)
    for failure in runner.failures:
        print(f"\nFAILED: {failure.command}\n{failure.output}", file=sys.stderr)
    slowest = sorted(runner.seconds.items(), key=lambda entry: -entry[1])[:5]
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest))
    print(
        f"{len(keys)} experiments, {len(runner.seconds)} stages, {len(runner.failures)} failed, "
        f"{left_out} left out after a failure, {time.perf_counter() - began:.0f} s"
    )
    return int(bool(runner.failures))


def selected(params: Params, files: list[str], distinct: bool) -> list[str]:
    """Keys of the files' experiments: all, or those that --distinct leaves."""
    if distinct:
        return smoke_graph.distinct(params, files)
    return [*smoke_graph.items({name: params[name] for name in files}, "experiments")]


def with_data(graph: Graph, keys: list[str], mirror: bool) -> tuple[list[str], Graph]:
    """The experiments whose data can be had, and their stages. Without a mirror nothing is
    fetched."""
    parts = {key: smoke_graph.part_for(graph, [key]) for key in keys}
    public = [key for key, part in parts.items() if any(stage.name == "fetch" for stage in part)]
    if public and not mirror:
        print(
            f"{len(public)} experiments skipped: set {MIRROR} to a folder or an address that "
            "holds the public data"
        )
        keys = [key for key in keys if key not in public]
    return keys, smoke_graph.part_for(graph, keys)


def fill(folder: Path, params: Params) -> None:
    """Copies the code, and writes the shortened params files."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for name, values in params.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
