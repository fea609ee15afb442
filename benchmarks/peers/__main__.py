"""Compares training with other frameworks: `make peers`, or `benchmarks.peers [case ...]`.

Every run of a program is a separate process; the programs of a case take turns. Writes
docs/peers.json, where cases that are not measured again stay, and the table of
docs/performance.md. Nothing is tracked and nothing under data/ is changed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from benchmarks.peers import table
from pipelines.commands import results
from pipelines.config.errors import UserError, existing, one_of

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PAGE, FILE = ROOT / "docs/performance.md", ROOT / "docs/peers.json"
BEGIN, END = "<!-- peers -->", "<!-- end of peers -->"
TORCH = ROOT / ".venv-peers/bin/python"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    cases = yaml.safe_load((FOLDER / "cases.yaml").read_text("utf-8"))
    for name in options.cases:
        if name not in cases:
            raise UserError(
                "case-unknown",
                f"no case {name!r}; {one_of(name, cases)}",
                path=FOLDER / "cases.yaml",
                key=name,
            )
    selected = options.cases or list(cases)
    for name in selected:
        needed(cases[name])
    values = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {"cases": {}}
    hardware = results.machine()
    values |= {"machine": hardware, "runs": options.runs, "threads": options.threads}
    for name in selected:
        values["cases"][name] = compare(name, cases[name], options.runs, options.threads)
        FILE.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    values["cases"] = {name: values["cases"][name] for name in cases if name in values["cases"]}
    text = table.render(values)
    PAGE.write_text(results.embedded(PAGE.read_text("utf-8"), text, PAGE, BEGIN, END), "utf-8")
    print(text)


def needed(case: dict) -> None:
    """Refuses before the first run what would fail in a later one."""
    dataset = case["experiment"]["dataset"]
    existing(
        ROOT / "data/prepared" / dataset / "spec.json",
        f"run `dvc repro benchmarks/dvc.yaml:prepare@{dataset}` first",
    )
    if "pytorch" in (options.get("program", name) for name, options in case["programs"].items()):
        existing(TORCH, "run `make peers`, which installs PyTorch there")


def compare(name: str, case: dict, runs: int, threads: int) -> dict:
    """The case with the summary of each run of each program; one seed for each round."""
    case = dict(case)
    programs = case.pop("programs")
    summaries: dict[str, list[dict]] = {program: [] for program in programs}
    for seed in range(1, runs + 1):
        for program, options in turn(programs, seed):
            if seed > options.get("runs", runs):
                continue
            began = time.perf_counter()
            work = {"case": merged(case, options), "seed": seed}
            work["threads"] = options.get("threads", threads)
            summary = table.summary(measured(options.get("program", program), work), case)
            summaries[program].append(summary)
            seconds = time.perf_counter() - began
            print(f"{name} {program} {seed}/{runs}, {seconds:.0f} s: {summary}", flush=True)
    abouts = {
        name: options.get("about", table.PROGRAMS.get(name)) for name, options in programs.items()
    }
    return {
        "about": case["about"], "goal": case.get("goal"), "programs": summaries, "abouts": abouts,
    }  # fmt: skip


def turn(programs: dict, number: int) -> list:
    """The first program changes from round to round, so that none always follows the same one."""
    ordered = list(programs.items())
    first = number % len(ordered)
    return ordered[first:] + ordered[:first]


def merged(case: dict, options: dict) -> dict:
    """The case with the `train_rows`, entries of `fit` and `torch` of one program."""
    experiment = case["experiment"]
    fit = {**experiment["fit"], **options.get("fit", {})}
    rows = options.get("train_rows", case.get("train_rows"))
    return {
        **case, "train_rows": rows, "experiment": {**experiment, "fit": fit},
        "torch": options.get("torch", {}),
    }  # fmt: skip


def measured(program: str, work: dict) -> dict:
    """One run in a fresh process."""
    python = TORCH if program == "pytorch" else sys.executable
    command = [str(python), "-m", f"benchmarks.peers.{program}", json.dumps(work)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(work["threads"]), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{done.stderr}\n{program}: failed (above)")
    return json.loads(done.stdout.splitlines()[-1])


def environment(threads: int) -> dict[str, str]:
    """The same number of threads for every framework, without the caller's settings.

    TensorFlow has one a core by default; training may share them out in its own way.
    """
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    if threads != os.cpu_count():
        names += ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TF_", "KERAS_", "XLA_"))
    }
    return {**inherited, **dict.fromkeys(names, str(threads))}


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"peers: {error}", file=sys.stderr)
        sys.exit(2)
