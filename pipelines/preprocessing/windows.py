"""Window and padding arithmetic: the only place where it is done."""

from collections.abc import Sequence

import numpy as np

from pipelines.storage import arrays


def pad(sequences: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Ids truncated, or filled with zeros at the end, to (rows, length), int32."""
    padded = np.zeros((len(sequences), length), np.int32)
    for row, sequence in zip(padded, sequences, strict=True):
        truncated = sequence[:length]
        row[: len(truncated)] = truncated
    return padded


def origins(split: tuple[int, int], history: int, horizon: int, stride: int = 1) -> np.ndarray:
    """Where forecasts begin: the row of the first target of each window, ascending, int64.

    All `horizon` targets of a window lie in the split; its `history` may lie in the split before.

    Args:
        split: its first row, and the row after its last.
        history: rows before the origin.
        horizon: rows from the origin on.
        stride: rows from one origin to the next.
    """
    begin, end = split
    return np.arange(max(begin, history), end - horizon + 1, stride, dtype=np.int64)


def make_windows(
    series: np.ndarray, starts: np.ndarray, history: int, horizon: int
) -> tuple[arrays.WindowIndex, arrays.WindowIndex]:
    """(windows, history, columns) of the past and (windows, horizon, columns) of the future.

    The history of origin 7 ends with row 6 and its future begins with row 7.

    Args:
        series: (rows, columns).
        starts: evenly spaced origins.
        history: rows before an origin.
        horizon: rows from an origin on.
    """
    return cut(series, starts, history, 0), cut(series, starts, 0, horizon)


def cut(series: np.ndarray, starts: np.ndarray, before: int, after: int) -> arrays.WindowIndex:
    """(windows, before + after, columns): the rows around each of the evenly spaced origins."""
    first, last = int(starts[0]), int(starts[-1])
    stride = int(starts[1]) - first if len(starts) > 1 else 1
    return arrays.WindowIndex(series[first - before : last + after], before + after, stride)


def concat_windows(*splits: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, int]:
    """The series that `make_windows` was given, and the number of its first row.

    The series begins with the first window's history. Rows that no window covers are NaN.

    Args:
        splits: (past, future, starts) of each, as `make_windows` returns them.
    """
    segments = [
        (int(starts[0]) + shift, flatten_windows(windows, starts))
        for past, future, starts in splits
        for windows, shift in ((past, -past.shape[1]), (future, 0))
    ]
    first = min(begin for begin, _ in segments)
    rows = max(begin + len(segment) for begin, segment in segments) - first
    _, segment = segments[0]
    series = np.full((rows, segment.shape[1]), np.nan, segment.dtype)
    for begin, segment in segments:
        series[begin - first : begin - first + len(segment)] = segment
    return series, first


def flatten_windows(windows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The rows that overlapping windows (n, length, columns) cover, once each: (rows, columns)."""
    stride = int(starts[1] - starts[0]) if len(starts) > 1 else 1
    before_last = windows[:-1, :stride].reshape(-1, windows.shape[2])
    return np.concatenate([before_last, windows[-1]])
