"""Requests cut and merged into calls of a model, and the answers given back to each."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np

from serving.errors import DeadlineExceeded, ServingError
from serving.servables.signature import Arrays

Call = Callable[[Arrays], Arrays]


@dataclass(eq=False)
class Request:
    """inputs: of `rows` rows. taken: how many of them are in calls; answered: how many are done.
    since, deadline: of time.monotonic()."""

    inputs: Arrays
    rows: int
    deadline: float
    since: float
    future: asyncio.Future
    taken: int = 0
    answered: int = 0
    answers: dict[int, Arrays] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        return self.rows - self.taken

    @property
    def shape(self) -> tuple:
        """Requests of one shape a row can be merged."""
        return tuple(array.shape[1:] for array in self.inputs.values())

    def expire(self) -> None:
        if not self.future.done():
            self.future.set_exception(
                DeadlineExceeded("the deadline passed before the answer was there")
            )

    def take(self, rows: int) -> "Piece":
        first, self.taken = self.taken, self.taken + rows
        return Piece(self, first, self.taken)


@dataclass(frozen=True)
class Piece:
    """Rows of a request that go into one call."""

    request: Request
    first: int
    last: int

    @property
    def rows(self) -> int:
        return self.last - self.first

    def inputs(self) -> Arrays:
        if self.rows == self.request.rows:
            return self.request.inputs
        return {name: array[self.first : self.last] for name, array in self.request.inputs.items()}

    def deliver(self, found: Arrays | Exception) -> None:
        """Gives the request its answer once all its pieces are there."""
        request = self.request
        if request.future.done():  # refused by another piece, or nobody waits any more
            return
        if isinstance(found, Exception):
            request.future.set_exception(found)
            return
        request.answers[self.first] = found
        request.answered += self.rows
        if request.answered == request.rows:
            parts = [request.answers[first] for first in sorted(request.answers)]
            request.future.set_result(joined(parts))


def run(call: Call, pieces: list[Piece]) -> list[Arrays | Exception]:
    """The answer, or the refusal, for each piece.

    One call for all; where that fails, one for each half, so that a poison request fails alone and
    costs its neighbours log2(pieces) calls.
    """
    try:
        found = call(joined([piece.inputs() for piece in pieces]))
        return parted(found, [piece.rows for piece in pieces]) if len(pieces) > 1 else [found]
    except Exception as error:  # noqa: BLE001  each caller's to see, not the worker thread's
        if len(pieces) == 1:
            return [error]
        half = len(pieces) // 2
        return run(call, pieces[:half]) + run(call, pieces[half:])


def joined(parts: list[Arrays]) -> Arrays:
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def parted(found: Arrays, rows: list[int]) -> list[Arrays]:
    ends = list(accumulate(rows))
    for name, array in found.items():
        if len(array) != ends[-1]:
            raise ServingError(f"the model gave {len(array)} rows of {name} for {ends[-1]} rows")
    return [
        {name: array[first:last] for name, array in found.items()}
        for first, last in pairwise([0, *ends])
    ]
