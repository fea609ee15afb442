"""Where a stage's seconds go. With PIPELINES_TIMINGS naming a file, parts are appended to it."""

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
    began = time.perf_counter()
    try:
        yield
    finally:
        if target := os.environ.get(TARGET):
            line = {"part": name, "seconds": time.perf_counter() - began, "pid": os.getpid()}
            with Path(target).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"stage": os.environ.get("DVC_STAGE"), **line}) + "\n")
