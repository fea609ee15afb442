"""kill -9 at a random moment of a stage; the same command must then give a clean result."""

import json
import random
import time

from benchmarks.drills.copies import Copy, Killer
from benchmarks.drills.counts import Count

STAGES = ("prepare", "train", "evaluate", "export")
SERVED = STAGES[1:]


def drill(copy: Copy, key: str, stage: str, count: Count, times: int) -> None:
    """Counts attempts until there are `times`."""
    killer = Killer()
    if stage == "evaluate":
        copy.timed("train", copy.strong(key))
        copy.timed("baselines", key)
    first = copy.timed(stage, key)  # the first use of a copy also makes its store
    clean_s = min(first, copy.timed(stage, key))
    clean = copy.outputs(stage, key)
    while count.tried < times:
        spent = time.perf_counter()
        moment = random.uniform(0, clean_s)
        process = copy.stage(stage, key)
        began = time.perf_counter()
        if not killer.kill(process, stage in SERVED, moment):
            continue  # faster than the clean run: not killed, not counted
        killed_s = time.perf_counter() - began
        begun = interrupted_run(copy, key) if stage == "train" else None
        again_s = copy.timed(stage, key)
        wrong = faults(copy, key, stage, clean, begun)
        # Only a training resumes; the other stages are short and start over.
        lost_s = max(0.0, killed_s + again_s - clean_s) if stage == "train" else None
        count.add(not wrong, time.perf_counter() - spent, lost_s=lost_s)
        print(f"kill {stage} {count.tried}/{times}, after {moment:.2f} s: {wrong or 'as clean'}")


def interrupted_run(copy: Copy, key: str) -> str | None:
    """The run to be resumed, if the killed training had started one."""
    records = list((copy.folder / "data/unfinished" / key).glob("*/runs.json"))
    return json.loads(records[0].read_text("utf-8"))[key] if records else None


def faults(copy: Copy, key: str, stage: str, clean: dict, begun: str | None) -> list[str]:
    """The differences from a clean run; none if the kill was survived."""
    wrong, now = [], copy.outputs(stage, key)
    wrong += [path for path in sorted({*clean, *now}) if clean.get(path) != now.get(path)]
    wrong += copy.leftovers()
    if stage == "prepare":
        return wrong
    record = json.loads((copy.folder / "data/trained" / key / "run.json").read_text("utf-8"))
    whole = [run_id for run_id, name, status in copy.runs() if name == key and status == "FINISHED"]
    if whole != [record["run_id"]] or len(copy.runs()) != 1:
        wrong.append(f"runs {copy.runs()}")
    if begun not in (None, record["run_id"]):
        wrong.append("the training was not resumed in its own run")
    return wrong
