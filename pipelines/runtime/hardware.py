"""The hardware that a measurement was made on."""

import os
import platform
from pathlib import Path


def description() -> str:
    """Such as "2 cores of AMD EPYC"."""
    return f"{os.cpu_count()} cores of {processor()}"


def processor() -> str:
    lines = Path("/proc/cpuinfo")
    if lines.is_file():
        for line in lines.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
