"""What a source of requests gives: rows to predict, and rows that cannot be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

SHOWN = 5  # bad rows in a message


class Request(NamedTuple):
    """place: "line 7", or the name of a file. inputs: request input -> text, bytes or numbers.
    columns: the row's values in the file, by name. has_steps: whether they are lists, with a value
    for each step of a forecast."""

    place: str
    inputs: Mapping[str, Any]
    columns: Mapping[str, Any]
    has_steps: bool = False


class BadRow(NamedTuple):
    """A row that cannot be predicted. problem: what is wrong with it."""

    place: str
    problem: str


class Source(Protocol):
    """A file, folder or archive of requests.

    description: how it is read, for people. names: of its columns, which are written beside the
    predictions. `requests` can be called several times and gives the same rows.
    """

    description: str
    names: Sequence[str]

    def requests(self) -> Iterator[Request | BadRow]: ...


@dataclass
class BadRows:
    """Counts bad rows and keeps the first of them."""

    count: int = 0
    first: tuple[BadRow, ...] = ()

    def add(self, row: BadRow) -> None:
        self.count += 1
        if len(self.first) < SHOWN:
            self.first = (*self.first, row)

    def __str__(self) -> str:
        shown = "; ".join(f"{row.place}: {row.problem}" for row in self.first)
        more = self.count - len(self.first)
        return f"{shown}; and {more:,} more" if more else shown
