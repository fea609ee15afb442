"""Four processes that open a new store at the same time."""

import time

from benchmarks.drills.copies import Copy
from benchmarks.drills.counts import Count

NAMES = ("one", "two", "three", "four")


def drill(copy: Copy, key: str, count: Count, times: int) -> None:
    """Four trainings of one epoch start together; each must leave one complete run."""
    values = copy.params
    block = values["experiments"][key]
    values["experiments"] |= {
        name: {**block, "seeds": [seed], "fit": {**block["fit"], "epochs": 1}}
        for seed, name in enumerate(NAMES)
    }
    copy.write_params(values)
    copy.timed("prepare", key)
    while count.tried < times:
        for path in copy.folder.glob("mlflow.db*"):
            path.unlink()
        began = time.perf_counter()
        processes = [copy.stage("train", name) for name in NAMES]
        ends = [(process.communicate()[0], process.returncode) for process in processes]
        runs = sorted((name, status) for _, name, status in copy.runs())
        survived = runs == sorted((name, "FINISHED") for name in NAMES)
        survived = survived and all(status == 0 for _, status in ends)
        count.add(survived, time.perf_counter() - began)
        print(f"four at once {count.tried}/{times}: {'whole' if survived else (runs, ends)}")
