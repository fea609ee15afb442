"""What a fit is called, how many follow it and where its checkpoint is; seconds as text."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Progress:
    """One fit among the trials of its experiment.

    Args:
        name: for the terminal.
        remaining: the number of trials that follow.
        checkpoint: a file that exists if this fit was interrupted.
    """

    name: str
    remaining: int
    checkpoint: Path


def duration(seconds: float) -> str:
    """0.4 s, 45 s, 12 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
