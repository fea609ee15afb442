"""`make drill`; some of it: `python -m benchmarks.drills KIND ...` under the fork server."""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import mean

from benchmarks.drills import counts, kills, suites, together, twice
from benchmarks.drills.copies import ROOT, Copy
from benchmarks.drills.counts import Count
from pipelines.commands import results
from pipelines.config import loader

FILE, PAGE = ROOT / "docs/reliability.json", ROOT / "docs/reliability.md"
BEGIN, END = "<!-- drills -->", "<!-- end of drills -->"
ARCHIVES = "test_fetch and (bad_archives or bad_gzip or zip_that_lies or lead_out)"
FILES = "test_hostile and not (source or good_model or listens or search)"
SUITES = {
    "faults answered": ["tests/runtime/test_machine_errors.py"],
    "hostile files refused": [
        *(
            "tests/runtime/test_hostile_files.py",
            "tests/stages/test_fetch.py",
            "-k",
            f"({ARCHIVES}) or ({FILES})",
        )
    ],
}
EPOCHS = 6  # of the training that is killed: enough to resume from, and short
KINDS = ("kills", "together", "twice", "suites")


def main() -> None:
    options = parse()
    os.chdir(ROOT)
    if options.reset:
        FILE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds or KINDS:
            {"kills": kill, "together": at_once, "twice": repeat, "suites": suite}[kind](
                Path(folder), options
            )
            write_page()
    print(table(counts.read(FILE)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drills")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--times", type=int, default=50, help="kills of each stage")
    parser.add_argument("--key", default="digits_low_cnn", help="the experiment that is killed")
    parser.add_argument("--twice", nargs="+", metavar="KEY", help="default: every experiment")
    parser.add_argument("--reset", action="store_true", help="discard earlier counts")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"{', '.join(unknown)}: accepted: {', '.join(KINDS)}")
    return options


def kill(folder: Path, options) -> None:
    copy = Copy.make(folder / "kills")
    copy.shorten(options.key, EPOCHS)
    for stage in kills.STAGES:
        count = Count.load(f"kill -9 in {stage}", FILE)
        kills.drill(copy, options.key, stage, count, options.times)


def at_once(folder: Path, options) -> None:
    count = Count.load("four processes on a fresh store", FILE)
    together.drill(Copy.make(folder / "together"), options.key, count, max(1, options.times // 5))


def repeat(folder: Path, options) -> None:
    keys = options.twice or list(loader.load(ROOT / "params.yaml").experiments)
    twice.drill(folder, keys, Count.load("two clean runs, equal metrics", FILE))


def suite(folder: Path, options) -> None:
    for name, arguments in SUITES.items():
        suites.drill(folder, arguments, Count.load(name, FILE))


def write_page() -> None:
    text = table(counts.read(FILE))
    page = results.embedded(PAGE.read_text("utf-8"), text, PAGE, BEGIN, END)
    PAGE.write_text(page, "utf-8")


def table(values: dict) -> str:
    lines = [("drill", "tried", "survived", "seconds", "cost of resuming, s", "date")]
    for name, count in values.items():
        lost = count["lost_s"]
        cost = f"{mean(lost):.1f} (at most {max(lost):.1f})" if lost else ""
        numbers = (str(count["tried"]), str(count["survived"]), f"{count['seconds']:.0f}")
        lines.append((name, *numbers, cost, count["date"]))
    return results.markdown(lines)


if __name__ == "__main__":
    main()
