"""What a long fit prints: what it is about to do, how far it is, and how long it may still take."""

import time

INTERVAL_S = 5.0


class Countdown:
    """Steps of similar cost. A line at the start, then at most one every few seconds.

    Args:
        name: of the fit, in front of each line.
        steps: how many there are.
        what: they are: "candidates".
    """

    def __init__(self, name: str, steps: int, what: str):
        self.name, self.steps, self.what = name, steps, what
        self.finished, self.begun = 0, time.monotonic()
        self.printed = self.begun
        print(f"{name}: {steps} {what}", flush=True)

    def step(self) -> None:
        """One more is finished."""
        self.finished += 1
        now = time.monotonic()
        if now - self.printed >= INTERVAL_S and self.finished < self.steps:
            left = (now - self.begun) / self.finished * (self.steps - self.finished)
            print(
                f"{self.name}: {self.finished} of {self.steps} {self.what}, "
                f"about {left:.0f} s left",
                flush=True,
            )
            self.printed = now
