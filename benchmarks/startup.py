"""Where the time of `make repro` goes: `make timing`, or `.venv/bin/python benchmarks/startup.py`.

Copies the committed tree twice and runs two short default pipelines in it from nothing: once by
plain `dvc repro`, once under the fork server. Writes docs/startup.json and the table of
docs/performance.md.
"""

import json
import os
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
WORK = ("fit", "baselines", "score", "export", "verify")  # what a stage is for; the rest is its own
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
    """Seconds of a run from nothing: in all, by kind of stage, and by part."""
    with tempfile.TemporaryDirectory() as folder:
        copy, timings = Path(folder) / "copy", Path(folder) / "timings"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
        (copy / ".venv").symlink_to(sys.prefix)
        environ = {**os.environ, "PIPELINES_TIMINGS": str(timings)}
        environ["PATH"] = f"{sys.prefix}/bin:{environ['PATH']}"
        began = time.perf_counter()
        subprocess.run(
            [*prefix, "dvc", "repro", *TARGETS],
            cwd=copy,
            env=environ,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - began
        lines = [json.loads(line) for line in timings.read_text("utf-8").splitlines()]
    return {"wall_s": wall, **summary(lines, wall)}


def summary(lines: list[dict], wall_s: float) -> dict:
    """By kind of stage: how many, mean seconds in all, of work, of their own."""
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
                "count": len(each),
                "total_s": sum(p["total"] for p in each) / len(each),
                "own_s": sum(p["total"] - sum(p[w] for w in WORK) for p in each) / len(each),
                "own_max_s": max(p["total"] - sum(p[w] for w in WORK) for p in each),
            }
            for kind, each in kinds.items()
        },
        "parts_s": {part: sum(s[part] for s in stages.values()) for part in parts},
        "dvc_s": wall_s - sum(s["total"] for s in stages.values()),
    }


def table(values: dict) -> str:
    plain, served = values["plain"], values["served"]
    lines = [("", "plain `dvc repro`", "under the fork server")]
    lines.append(("whole run, s", f"{plain['wall_s']:.1f}", f"{served['wall_s']:.1f}"))
    for part in plain["parts_s"]:
        lines.append((f"{part}, s", *(f"{v['parts_s'][part]:.1f}" for v in (plain, served))))
    lines.append(("DVC itself, s", f"{plain['dvc_s']:.1f}", f"{served['dvc_s']:.1f}"))
    for kind, about in plain["stages"].items():
        cells = (
            f"{v['stages'][kind]['own_s']:.1f} (at most {v['stages'][kind]['own_max_s']:.1f})"
            for v in (plain, served)
        )
        lines.append((f"own cost of one {kind} stage, s ({about['count']} of them)", *cells))
    about = values["machine"]
    note = f"Measured {about['date']} on {about['cores']} cores of {about['processor']}."
    return f"{results.markdown(lines)}\n\n{note}"


if __name__ == "__main__":
    main()
