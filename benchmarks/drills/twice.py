"""The default pipelines in a clean copy: the same metrics as here, to the last digit."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.drills.copies import ROOT, Copy
from benchmarks.drills.counts import Count

DVC = (sys.executable, "-m", "dvc")


def drill(folder: Path, keys: list[str], count: Count) -> None:
    """Each of these experiments counts once; experiments that they start from run first."""
    left = [key for key in keys if key not in count.names]
    require_results(left)
    copy = Copy.make(folder / "twice")
    for key in left:
        began = time.perf_counter()
        copy.finish(copy.start(*DVC, "repro", f"evaluate@{key}"))
        name = f"data/metrics/{key}.json"
        same = (ROOT / name).read_bytes() == (copy.folder / name).read_bytes()
        count.add(same, time.perf_counter() - began, name=key)
        print(f"twice {key}: {'the same' if same else 'NOT the same'}", flush=True)


def require_results(keys: list[str]) -> None:
    """Refuses if the results here, which the copy is compared with, are of other code."""
    targets = [f"evaluate@{key}" for key in keys]
    command = [*DVC, "status", "--quiet", "--with-deps", *targets]
    if targets and subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit(
            f"{ROOT}: the results were made by other code; run `make repro` and commit dvc.lock "
            "first, then make drill again"
        )
