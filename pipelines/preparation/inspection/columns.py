"""What each column of a table holds: text, a category, numbers, times, a key, or nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.preparation.data_report.labels import MISSING
from pipelines.preparation.inspection import numbers, times
from pipelines.preparation.inspection.table import Table

MAX_CLASSES = 500
TEXT_WORDS = 2.5  # mean words of a cell from which it is prose
NEARLY_ALL = 0.95
SAMPLE = 5000


@dataclass(frozen=True)
class Column:
    """kind: empty, constant, number, time, clock, text, category or key. words: in a cell on
    average."""

    name: str
    kind: str
    distinct: int
    empty: int
    words: float
    reason: str


def profile(table: Table) -> list[Column]:
    return [_column(name, table.column(name)) for name in table.names]


def _column(name: str, cells: Sequence[str]) -> Column:
    known = [cell for cell in cells if cell.casefold() not in MISSING]
    counts = Counter(known)
    distinct, empty = len(counts), len(cells) - len(known)
    sample = known[:SAMPLE]
    words = sum(len(cell.split()) for cell in sample) / max(len(sample), 1)

    def column(kind: str, reason: str) -> Column:
        return Column(name, kind, distinct, empty, words, reason)

    if not known:
        return column("empty", "no value at all")
    if distinct == 1:
        return column("constant", f"{known[0]!r} throughout")
    if all(times.CLOCK.fullmatch(cell) for cell in sample):
        return column("clock", f"{known[0]!r} and the rest are times of the day")
    if sum(map(numbers.is_number, sample)) >= NEARLY_ALL * len(sample):
        if times.looks_like_time(known, name):
            return column("time", f"{known[0]!r} and the rest are times")
        return column("number", f"{distinct} distinct numbers")
    if times.looks_like_time(known, name):
        return column("time", f"{known[0]!r} and the rest are times")
    repeats = len(known) / distinct
    if distinct <= MAX_CLASSES and repeats >= 2 and words <= 6:
        return column("category", f"{distinct} values, each {repeats:.0f} times on average")
    if words >= TEXT_WORDS or (distinct > 0.5 * len(known) and words > 1.2):
        return column("text", f"{words:.0f} words a cell on average")
    if distinct > 0.9 * len(known):
        return column("key", "nearly every cell another single word")
    return column("text", f"{distinct} distinct texts of {words:.1f} words")
