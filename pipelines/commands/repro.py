"""Runs a graph: `check`, then every stage that can run, then the results and what could not run.

A mistake in one data set or experiment does not stop the others. The exit status is 1 if anything
could not run.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.commands import check, report, restore, results
from pipelines.config.errors import UserError
from pipelines.config.mistakes import entry_of
from pipelines.config.yaml_lines import YamlFile
from pipelines.runtime import failures, side_by_side
from pipelines.runtime.failures import Failure

STAGES = {  # section of a params file -> the stage that reads its entries first
    "datasets": "prepare", "warm_starts": "warm_start", "baselines": "baselines",
    "experiments": "train", "downloads": "fetch",
}  # fmt: skip
OF_EXPERIMENT = ("train", "evaluate", "export")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines repro", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    parser.add_argument(
        "--only", metavar="START", help="only experiments whose key starts with this"
    )
    parser.add_argument(
        "--jobs", type=int, default=side_by_side.default_jobs(), metavar="N",
        help="parts of the graph that run side by side (default: one a core, 4 at most); times of "
        "training are comparable only with 1",
    )  # fmt: skip
    parser.add_argument(
        "--pages", action="store_true", help="write the results into their page, not to the screen"
    )
    return parser.parse_args(list(arguments))


def run(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    _, mistakes = check.inspect(options.params)
    check.show(mistakes)
    if any(map(check.stops_all, mistakes)):
        _say(f"{check.count(mistakes)} in {options.params}; nothing was run")
        raise SystemExit(1)
    if mistakes:
        _say(f"{check.count(mistakes)} in {options.params} and its data; the rest runs")
    print("repro: comparing the graph with the files", flush=True)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "failures"
        status = subprocess.run(command(options), env=_environ(file), check=False).returncode
        failed = failures.read(file)
    restore.run(options.params)
    if options.pages and mistakes:
        _say("the page of results is not written before these mistakes are corrected")
    (results if options.pages and not mistakes else report).run(options.params)
    if mistakes or failed or status:
        show(list(rows(YamlFile(options.params).values, mistakes, failed)), status)
        raise SystemExit(1)


def command(options: argparse.Namespace) -> list[str]:
    """`dvc repro` with a fork server, which goes on after a stage that fails."""
    graph = (options.params.parent / "dvc.yaml").as_posix()
    server = [sys.executable, "-m", "pipelines.runtime.forkserver", sys.executable, "-m"]
    if options.only:
        targets = ["--glob", f"{graph}:export@{options.only}*"]
        return [*server, "dvc", "repro", "--keep-going", *targets]
    return [*server, "pipelines.runtime.side_by_side", "--jobs", str(options.jobs), graph]


def _environ(file: Path) -> dict[str, str]:
    return {**os.environ, failures.VARIABLE: str(file)}


def rows(
    values: Mapping[str, Any], mistakes: Sequence[UserError], failed: Sequence[Failure]
) -> Iterator[tuple[str, str, str]]:
    """(experiment, stage, first line of the error) of everything that could not run.

    Args:
        values: of the params file.
        mistakes: of `check`.
        failed: stages.
    """
    causes = {(failure.stage, failure.key): failure.message for failure in failed}
    for mistake in mistakes:
        section, key = entry_of(mistake) or ("", "")
        if section in STAGES:
            message = f"error[{mistake.code}]: {mistake}"
            causes.setdefault((STAGES[section], key), message)
    for (stage, key), message in causes.items():
        for experiment in _experiments(values, stage, str(key)) or ["-"]:
            yield experiment, f"{stage}@{key}", message


def _experiments(values: Mapping[str, Any], stage: str, key: str) -> list[str]:
    """The experiments that need a stage."""
    if stage in OF_EXPERIMENT:
        return [key]
    blocks = _blocks(values, "experiments")
    if stage == "baselines":
        baselines = _blocks(values, "baselines").get(key, {})
        pair = baselines.get("task"), baselines.get("dataset")
        return [
            name for name, block in blocks.items()
            if (block.get("task"), block.get("dataset")) == pair
        ]  # fmt: skip
    names = {key}
    if stage == "fetch":
        datasets = _blocks(values, "datasets")
        source = f"data/raw/{key}"
        names = {
            name for name, block in datasets.items()
            if f"{block.get('source')}/".startswith(f"{source}/")
        }  # fmt: skip
    starts = _blocks(values, "warm_starts")
    names |= {name for name, block in starts.items() if block.get("dataset") in names}
    return [name for name, block in blocks.items() if block.get("dataset") in names]


def _blocks(values: Mapping[str, Any], section: str) -> dict[str, Mapping]:
    entries = values.get(section)
    if not isinstance(entries, dict):
        return {}
    return {str(key): block for key, block in entries.items() if isinstance(block, dict)}


def show(lines: list[tuple[str, str, str]], status: int) -> None:
    """The last thing that is printed."""
    _say("\ncould not run:")
    if not lines:
        lines = [("-", "-", f"DVC ended with status {status}; see its messages above")]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    for experiment, stage, message in lines:
        _say(f"  {experiment.ljust(widths[0])}  {stage.ljust(widths[1])}  {message}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
