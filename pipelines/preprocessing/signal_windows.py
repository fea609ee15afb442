"""Windows of one length from signals of any: the same rule in prepare and in the served graph.

A signal of n steps gives 1 + (n - length) // hop windows; what is left at the end is not used. A
shorter one is filled with zeros at its end, which is silence of a sound.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

FILE = "windows.json"


@dataclass(frozen=True)
class Windows:
    """How signals are cut.

    Args:
        rate_hz: steps a second.
        length: steps of a window.
        hop: steps from the beginning of one window to that of the next.
    """

    rate_hz: float
    length: int
    hop: int

    @classmethod
    def of_seconds(cls, rate_hz: float, window: float, hop: float | None) -> "Windows":
        """hop: None is half a window."""
        length = max(1, round(rate_hz * window))
        return cls(rate_hz, length, max(1, round(rate_hz * (window / 2 if hop is None else hop))))

    def count(self, steps: int) -> int:
        return 1 + max(0, steps - self.length) // self.hop

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(n, ...) -> (windows, length, ...)."""
        missing = max(0, self.length - len(values))
        padded = np.pad(values, [(0, missing), *[(0, 0)] * (values.ndim - 1)])
        starts = self.hop * np.arange(self.count(len(values)))
        return padded[starts[:, None] + np.arange(self.length)]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Windows":
        return cls(**json.loads(path.read_text("utf-8")))
