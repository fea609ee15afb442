"""Returns memory that is free within the process to the system.

The C library keeps what large requests have freed, in a heap for each thread, since it could be
needed again: half a gigabyte after a few texts of 15 MB.

https://man7.org/linux/man-pages/man3/malloc_trim.3.html, and mallopt.3.html beside it
"""

import asyncio
import ctypes
import gc
import os
import time
from collections.abc import Callable
from pathlib import Path

INTERVAL_S = 1.0
GROWTH = 32 << 20  # bytes of resident memory, since the last time, after which it is tried again
AGAIN_AFTER_S = (5.0, 15.0, 45.0)  # what requests held at the time is free by then
# Parameters of mallopt and their values. By default the library raises the sizes from which memory
# is mapped by itself and given back at once, to 32 and 64 MiB for each thread.
TRIM_THRESHOLD, MMAP_THRESHOLD = (-1, 8 << 20), (-3, 4 << 20)
PAGE = os.sysconf("SC_PAGE_SIZE")


def trim_function() -> Callable[[], object] | None:
    """None where the C library has no such function, as musl has not."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(ctypes.c_size_t(0))


def set_thresholds() -> None:
    """To be called once, at the start. Does nothing where the C library has no such function."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in (TRIM_THRESHOLD, MMAP_THRESHOLD):
            mallopt(parameter, value)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE


async def watch() -> None:
    """Looks once a second, until it is cancelled: reading the size takes 20 microseconds."""
    trim, base, due = trim_function(), resident_bytes(), []
    while trim is not None:
        await asyncio.sleep(INTERVAL_S)
        now, size = time.monotonic(), resident_bytes()
        if size > base + GROWTH:
            due = [now, *(now + seconds for seconds in AGAIN_AFTER_S)]
        if due and due[0] <= now:
            del due[0]
            gc.collect()  # errors of refused requests hold their inputs in cycles of frames
            await asyncio.to_thread(trim)
            size = base = resident_bytes()
        base = min(base, size)
