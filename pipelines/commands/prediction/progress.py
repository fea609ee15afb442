"""How far the work is: rows a second and the time left, on standard error."""

import sys
import time
from collections.abc import Callable

TERMINAL_S, FILE_S = 0.5, 30.0  # between two lines, on a terminal and in a log


class Progress:
    """Args:
    total: rows there are."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic):
        self.total, self.clock = total, clock
        self.is_terminal = sys.stderr.isatty()
        self.start = self.last = clock()
        self.done = 0

    @property
    def seconds(self) -> float:
        return self.clock() - self.start

    def advance(self, rows: int) -> None:
        self.done += rows
        pause = TERMINAL_S if self.is_terminal else FILE_S
        if self.clock() - self.last >= pause:
            self.last = self.clock()
            self._print(str(self), end="\r" if self.is_terminal else "\n")

    def __str__(self) -> str:
        rate = self.done / max(self.seconds, 1e-9)
        left = (self.total - self.done) / rate if rate else 0.0
        share = f"{100 * self.done / max(self.total, 1):.0f} %"
        return (
            f"{self.done:,} of {self.total:,} rows ({share}), {rate:,.0f} rows/s, "
            f"{duration(left)} left"
        )

    def clear(self) -> None:
        if self.is_terminal:
            self._print("", end="\r")

    def _print(self, line: str, end: str) -> None:
        print(line.ljust(70) if self.is_terminal else line, end=end, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
