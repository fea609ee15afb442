"""The seconds of a stage by part, appended to the file that PIPELINES_TIMINGS names."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

TARGET = "PIPELINES_TIMINGS"


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """Measures a part of the running stage: import, load, fit, track, write."""
    start = time.perf_counter()
    try:
        yield
    finally:
        if target := os.environ.get(TARGET):
            line = {"part": name, "seconds": time.perf_counter() - start, "pid": os.getpid()}
            with Path(target).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"stage": os.environ.get("DVC_STAGE"), **line}) + "\n")
