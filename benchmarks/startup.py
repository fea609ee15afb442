"""Measures where the time of `make repro` goes: `make timing`.

Copies the committed tree twice and runs two short default pipelines in it: once by
plain `dvc repro`, once under the fork server. Writes docs/startup.json and the table of
docs/performance.md.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from pipelines.commands import results  # noqa: E402

TARGETS = ("export@spam_cnn", "export@spam_bilstm")  # with the stages before them
WORK = (
    "fit",
    "baselines",
    "score",
    "export",
    "verify",
)  # the rest is overhead
PAGE, FILE = ROOT / "docs/performance.md", ROOT / "docs/startup.json"
BEGIN, END = "<!-- startup -->", "<!-- end of startup -->"


def main() -> None:
    measured = {}
    for name, prefix in (
        ("plain", []),
        ("served", ["python3", "-m", "pipelines.runtime.forkserver"]),
    ):
        print(f"{name}: from nothing ...", flush=True)
        measured[name] = measure(prefix)
    values = {"machine": results.machine(), **measured}
    FILE.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    page = results.embedded(PAGE.read_text("utf-8"), table(values), PAGE, BEGIN, END)
    PAGE.write_text(page, "utf-8")
    print(table(values))


def measure(prefix: list[str]) -> dict:
    """Seconds of a run without results: in total, by kind of stage, and by part."""
    with tempfile.TemporaryDirectory() as folder:
        copy, timings = Path(folder) / "copy", Path(folder) / "timings"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
        (copy / ".venv").symlink_to(sys.prefix)
        environ = {**os.environ, "PIPELINES_TIMINGS": str(timings)}
        environ["PATH"] = f"{sys.prefix}/bin:{environ['PATH']}"
        start = time.perf_counter()
        subprocess.run(
            [*prefix, "dvc", "repro", *TARGETS],
            cwd=copy,
            env=environ,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - start
        lines = [json.loads(line) for line in timings.read_text("utf-8").splitlines()]
    return {"wall_s": wall, **summary(lines, wall)}


def summary(lines: list[dict], wall_s: float) -> dict:
    """By kind of stage: the count, mean seconds in total, mean and largest overhead."""
    stages: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in lines:
        if line["stage"]:
            stages[line["stage"]][line["part"]] += line["seconds"]
    kinds: dict[str, list[dict]] = defaultdict(list)
    for name, parts in stages.items():
        kinds[name.split("@")[0]].append(parts)
    parts = ("import", *WORK, "track", "register", "write")
    return {
        "stages": {
            kind: {
                "count": len(stages_of_kind),
                "total_s": statistics.mean(stage["total"] for stage in stages_of_kind),
                "own_s": statistics.mean(map(overhead, stages_of_kind)),
                "own_max_s": max(map(overhead, stages_of_kind)),
            }
            for kind, stages_of_kind in kinds.items()
        },
        "parts_s": {part: sum(s[part] for s in stages.values()) for part in parts},
        "dvc_s": wall_s - sum(s["total"] for s in stages.values()),
    }


def overhead(parts: dict[str, float]) -> float:
    """The seconds of a stage that are not its work: start, import, loading, tracking, writing."""
    return parts["total"] - sum(parts[part] for part in WORK)


def table(values: dict) -> str:
    plain, served = values["plain"], values["served"]
    lines = [("", "plain `dvc repro`", "under the fork server")]
    lines.append(("whole run, s", f"{plain['wall_s']:.1f}", f"{served['wall_s']:.1f}"))
    for part in plain["parts_s"]:
        lines.append((f"{part}, s", *(f"{v['parts_s'][part]:.1f}" for v in (plain, served))))
    lines.append(("DVC itself, s", f"{plain['dvc_s']:.1f}", f"{served['dvc_s']:.1f}"))
    for kind, stage in plain["stages"].items():
        cells = (
            f"{v['stages'][kind]['own_s']:.1f} (at most {v['stages'][kind]['own_max_s']:.1f})"
            for v in (plain, served)
        )
        lines.append((f"overhead of one {kind} stage, s ({stage['count']} of them)", *cells))
    machine = values["machine"]
    note = f"Measured {machine['date']} on {machine['cores']} cores of {machine['processor']}."
    return f"{results.markdown(lines)}\n\n{note}"


if __name__ == "__main__":
    main()
