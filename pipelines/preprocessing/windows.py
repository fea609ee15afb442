"""Window and padding arithmetic: the only place where it is done."""

from collections.abc import Sequence

import numpy as np

from pipelines.storage import arrays


def pad(sequences: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Ids cut or filled with zeros at the end to (rows, length), int32."""
    padded = np.zeros((len(sequences), length), np.int32)
    for row, sequence in zip(padded, sequences, strict=True):
        kept = sequence[:length]
        row[: len(kept)] = kept
    return padded


def origins(part: tuple[int, int], history: int, horizon: int, stride: int = 1) -> np.ndarray:
    """Where forecasts begin: the row of the first target of each window, ascending, int64.

    All `horizon` targets of a window lie in the part; its `history` may lie in the part before.
    """
    begin, end = part
    return np.arange(max(begin, history), end - horizon + 1, stride, dtype=np.int64)


def cut(
    series: np.ndarray, starts: np.ndarray, history: int, horizon: int
) -> tuple[arrays.Windows, arrays.Windows]:
    """series (rows, columns), evenly spaced origins -> (windows, history, columns) of the past,
    (windows, horizon, columns) of the future.

    The history of origin 7 ends with row 6 and its future begins with row 7.
    """
    first, last = int(starts[0]), int(starts[-1])
    stride = int(starts[1]) - first if len(starts) > 1 else 1
    return (
        arrays.Windows(series[first - history : last], history, stride),
        arrays.Windows(series[first : last + horizon], horizon, stride),
    )


def join(*parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, int]:
    """What `cut` was given, (past, future, starts) a part: (series, its first row).

    The series begins with the first window's history. Rows that no window covers are NaN.
    """
    stretches = [
        (int(starts[0]) + shift, unrolled(windows, starts))
        for past, future, starts in parts
        for windows, shift in ((past, -past.shape[1]), (future, 0))
    ]
    first = min(begin for begin, _ in stretches)
    rows = max(begin + len(stretch) for begin, stretch in stretches) - first
    _, some = stretches[0]
    series = np.full((rows, some.shape[1]), np.nan, some.dtype)
    for begin, stretch in stretches:
        series[begin - first : begin - first + len(stretch)] = stretch
    return series, first


def unrolled(windows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The rows that windows (n, length, columns) cover, once each: (rows, columns)."""
    stride = int(starts[1] - starts[0]) if len(starts) > 1 else 1
    before = windows[:-1, :stride].reshape(-1, windows.shape[2])
    return np.concatenate([before, windows[-1]])
