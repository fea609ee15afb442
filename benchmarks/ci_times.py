"""Where the time of `.ci/run` goes: `make ci-times` writes the table of docs/performance.md.

`.ci/run` leaves the seconds of its steps in .ci/times/steps.tsv and pytest's report of every test
in .ci/times/tests.xml. Tests run in several workers at once, so their seconds are those of workers:
more than the wall time of the step.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from pipelines.commands import results

ROOT = Path(__file__).parent.parent
STEPS, TESTS = ROOT / ".ci/times/steps.tsv", ROOT / ".ci/times/tests.xml"
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- ci -->", "<!-- end of ci -->"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ci_times")
    parser.add_argument("--print", action="store_true", help="print the table, write nothing")
    options = parser.parse_args(arguments)
    if not STEPS.is_file():
        print("error: no .ci/times/steps.tsv; .ci/run writes it", file=sys.stderr)
        return 1
    text = table(steps(STEPS), folders(TESTS) if TESTS.is_file() else [])
    print(text)
    if not options.print:
        machine = results.machine()
        note = f"Measured {machine['date']} on {machine['cores']} cores of {machine['processor']}."
        page = PAGE.read_text("utf-8")
        PAGE.write_text(
            results.embedded(page, f"{text}\n\n{note}", PAGE, BEGIN, END), encoding="utf-8"
        )
    return 0


def steps(path: Path) -> list[tuple[str, float]]:
    """The steps of .ci/run in their order, with their seconds."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row["step"], float(row["seconds"])) for row in csv.DictReader(file, delimiter="\t")
        ]


def folders(path: Path) -> list[tuple[str, int, float]]:
    """By folder of tests: how many there are and their seconds, the longest first."""
    counts: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(path).iter("testcase"):
        # A file that was skipped as a whole has no class, only a name.
        name = case.get("classname") or case.get("name", "tests")
        folder = "/".join(name.split(".")[:2])
        counts[folder] += 1
        seconds[folder] += float(case.get("time", 0))
    longest_first = sorted(seconds, key=seconds.__getitem__, reverse=True)
    return [(folder, counts[folder], seconds[folder]) for folder in longest_first]


def table(by_step: list[tuple[str, float]], by_folder: list[tuple[str, int, float]]) -> str:
    """Steps with minutes of wall time; below `tests` its folders with minutes of workers."""
    lines = [("step", "tests", "min", "of workers, min")]
    for step, seconds in by_step:
        count = sum(tests for _, tests, _ in by_folder) if step == "tests" else 0
        lines.append((step, f"{count:,}" if count else "", f"{seconds / 60:.1f}", ""))
        if step == "tests":
            lines += [
                (f"`{folder}`", f"{tests:,}", "", f"{worker_s / 60:.1f}")
                for folder, tests, worker_s in by_folder
            ]
    total_min = sum(seconds for _, seconds in by_step) / 60
    lines.append(("**in all**", "", f"**{total_min:.1f}**", ""))
    return results.markdown(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
