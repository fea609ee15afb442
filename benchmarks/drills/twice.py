"""The default pipelines from nothing, twice: the same metrics, to the last digit."""

import sys
import time
from pathlib import Path

from benchmarks.drills.copies import Copy
from benchmarks.drills.counts import Count


def drill(folder: Path, keys: list[str], count: Count) -> None:
    """Each of these experiments counts once; those before them (transfer) are run along."""
    for key in keys:
        if key in count.names:
            continue
        began, metrics = time.perf_counter(), []
        for name in ("first", "second"):
            place = folder / name
            copy = Copy(place) if place.is_dir() else Copy.make(place)
            copy.finish(copy.start(sys.executable, "-m", "dvc", "repro", f"evaluate@{key}"))
            metrics.append((place / f"data/metrics/{key}.json").read_bytes())
        same = metrics[0] == metrics[1]
        count.add(same, time.perf_counter() - began, name=key)
        print(f"twice {key}: {'the same' if same else 'NOT the same'}")
