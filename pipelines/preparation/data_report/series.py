"""Findings on time series: missing values, sentinels, outliers, repeated blocks, gaps."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines.preparation.data_report.findings import Finding, first

# Numbers that instruments and exports write for "no value".
SENTINELS = (
    -9999,
    -999,
    -200,
    -99,
    -9999.9,
    -999.9,
    -99.9,
    999,
    9999,
    99999,
    -99999,
    -32768,
    32767,
)
ALMOST_EMPTY = 0.5
OUTLIER_SPREADS = 15  # interquartile ranges from the median, in plain and in logarithmic values
BLOCK_ROWS = 24
MIN_DISTINCT = BLOCK_ROWS // 2  # values in a block that repeats, which is no constant stretch
ZERO_RUN, FLAT_RUN = 3, 24
FAR_STEPS = 100  # from a time that means no time to the nearest other one


def report(
    times: pd.DatetimeIndex, values: np.ndarray, names: Sequence[str], places: Sequence[str],
    frequency: str | None = None,
) -> list[Finding]:  # fmt: skip
    """Findings on observations.

    Args:
        times: of each row, ascending.
        values: (rows, columns), NaN where missing.
        names: of the columns. places: of the rows, "line 7".
        frequency: pandas' name of the step, where it is known.
    """
    span = f"from {times[0]} to {times[-1]}" if len(times) else ""
    message = f"{len(times)} rows {span}, {len(names)} columns: {', '.join(names[:8])}"
    findings = [Finding("rows", "info", len(times), message), *_times(times, places, frequency)]
    for name, column in zip(names, np.asarray(values, np.float64).T, strict=True):
        findings += _column(name, column, places)
    return [*findings, *_repeated(values, places)]


def _times(times: pd.DatetimeIndex, places: Sequence[str], frequency: str | None) -> list[Finding]:
    findings = []
    epoch = sentinel_times(times)
    if len(epoch):
        examples = first(f"{places[row]}: {times[row]}" for row in epoch)
        message = f"{len(epoch)} times are 1970-01-01 or 1900-01-01, which means no time"
        findings.append(Finding("sentinel-time", "warning", len(epoch), message, examples))
    again = np.flatnonzero(times.duplicated())
    if len(again):
        examples = first(f"{places[row]}: {times[row]}" for row in again)
        message = f"{len(again)} rows repeat a time"
        findings.append(Finding("duplicate-times", "error", len(again), message, examples))
    if frequency and len(times) > 1:
        grid = pd.date_range(times[0], times[-1], freq=frequency)
        absent = grid.difference(times)
        if len(absent):
            message = f"{len(absent)} of {len(grid)} steps are absent"
            findings.append(Finding("gaps", "warning", len(absent), message, first(absent)))
    return findings


def sentinel_times(times: pd.DatetimeIndex) -> np.ndarray:
    """Rows of times at which clocks count from zero, where these lie apart from all others."""
    is_zero = times.normalize().isin(pd.to_datetime(["1970-01-01", "1900-01-01"]))
    rest = times[~is_zero].unique()
    if not is_zero.any() or is_zero.sum() > len(times) / 10 or len(rest) < 2:
        return np.zeros(0, np.int64)
    step = np.median(np.diff(rest))
    apart = [abs(rest - time).min() > FAR_STEPS * step for time in times[is_zero]]
    return np.flatnonzero(is_zero)[np.array(apart)]


def _column(name: str, column: np.ndarray, places: Sequence[str]) -> list[Finding]:
    missing, known = np.flatnonzero(np.isnan(column)), column[~np.isnan(column)]
    findings = []

    def add(code: str, rows: Sequence[int], message: str, severity="warning") -> None:
        examples = first(f"{places[row]}: {column[row]:g}" for row in rows)
        findings.append(Finding(code, severity, len(rows), f"{name}: {message}", examples))

    if not len(known) or np.ptp(known) == 0:
        value = f"{known[0]:g} throughout" if len(known) else "no value at all"
        return [Finding("column-constant", "error", len(column), f"{name}: {value}")]
    if len(missing):
        code = "column-almost-empty" if len(missing) > ALMOST_EMPTY * len(column) else "missing"
        add(code, missing, f"{len(missing)} of {len(column)} values are missing")
    codes = sentinels(column)
    for value in codes:
        rows = np.flatnonzero(column == value)
        add("sentinel", rows, f"{value:g} occurs {len(rows)} times and seems to mean no value")
    zeros = zero_runs(column)
    if len(zeros):
        add("zero-runs", zeros, f"{len(zeros)} zeros in runs, far from all other values")
    outliers = outlier_rows(column)
    outliers = outliers[~np.isin(column[outliers], [0, *codes])]
    if len(outliers):
        add("outliers", outliers, f"{len(outliers)} values are far beyond all others")
    start, length = longest_run(column)
    if length >= FLAT_RUN and column[start] != 0:
        add("flat-run", range(start, start + length), f"{length} equal values in a row")
    return findings


def sentinels(column: np.ndarray) -> list[float]:
    """Known codes for "no value" that lie apart from all other values of the column."""
    known = column[~np.isnan(column)]
    rest = known[~np.isin(known, SENTINELS)]
    if not len(rest):
        return []
    low, high = rest.min(), rest.max()
    span = max(high - low, 1e-9)
    return [
        value for value in map(float, SENTINELS)
        if (known == value).any()
        and (value < low - span or value > high + span or (low >= 0 and value < 0))
    ]  # fmt: skip


def zero_runs(column: np.ndarray) -> np.ndarray:
    """Rows of zeros in runs, in a column whose other values are all far from zero."""
    rest = np.abs(column[(column != 0) & ~np.isnan(column)])
    if not len(rest) or np.quantile(rest, 0.01) < 0.1 * np.median(rest):
        return np.zeros(0, np.int64)
    zero = column == 0
    starts = np.flatnonzero(np.diff(np.concatenate([[0], zero, [0]]).astype(int)) == 1)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], zero, [0]]).astype(int)) == -1)
    runs = [np.arange(a, b) for a, b in zip(starts, ends, strict=True) if b - a >= ZERO_RUN]
    return np.concatenate([np.zeros(0, np.int64), *runs])


def outlier_rows(column: np.ndarray) -> np.ndarray:
    """Rows beyond any reason; of positive values, in logarithms as well: those may be skewed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        far = _far(column)
        positive = column[~np.isnan(column)]
        if (positive >= 0).all() and (positive > 0).mean() > 0.5:
            far &= _far(np.log(np.where(column > 0, column, np.nan)))
    return np.flatnonzero(far)


def _far(column: np.ndarray) -> np.ndarray:
    low, middle, high = np.nanquantile(column, [0.25, 0.5, 0.75])
    if high == low:
        return np.zeros(len(column), bool)
    return np.abs(column - middle) > OUTLIER_SPREADS * (high - low)


def longest_run(column: np.ndarray) -> tuple[int, int]:
    """(first row, length) of the longest run of one value."""
    changes = np.flatnonzero(np.concatenate([[True], column[1:] != column[:-1], [True]]))
    lengths = np.diff(changes)
    at = int(lengths.argmax())
    return int(changes[at]), int(lengths[at])


def _repeated(values: np.ndarray, places: Sequence[str]) -> list[Finding]:
    """Blocks of rows that occur twice, as in files that were joined with an overlap."""
    rows = np.ascontiguousarray(np.asarray(values, np.float64))
    # Rows may have hundreds of columns, so their digests are compared.
    digests = [hashlib.blake2b(row, digest_size=8).digest() for row in rows]
    seen: dict[bytes, int] = {}
    starts, last = [], -BLOCK_ROWS
    for start in range(len(rows) - BLOCK_ROWS + 1):
        block = digests[start : start + BLOCK_ROWS]
        earlier = seen.setdefault(b"".join(block), start)
        if earlier == start or start < last + BLOCK_ROWS or len(set(block)) < MIN_DISTINCT:
            continue
        columns = rows[start : start + BLOCK_ROWS].T
        if max(len(np.unique(column)) for column in columns) >= MIN_DISTINCT:
            starts.append((earlier, start))
            last = start
    if not starts:
        return []
    message = f"{len(starts)} blocks of {BLOCK_ROWS} rows repeat earlier ones exactly"
    examples = first(f"{places[b]} repeats {places[a]}" for a, b in starts)
    return [Finding("repeated-blocks", "warning", len(starts), message, examples)]
