"""Requests that wait together are answered together.

One call of a graph with 32 rows takes little longer than one with a single row. While a worker is
busy, requests queue; when it is free it takes all that fit, so batches grow with the load and a
lone request waits for nobody. Large requests are split, small ones merged, rows keep their order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from serving.errors import BadRequest, DeadlineExceeded, QueueFull

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Settings:
    """largest_batch: rows of one call. queue: rows that may wait. wait_s: how long a batch that is
    not full waits for company."""

    largest_batch: int = 32
    queue: int = 1024
    wait_s: float = 0.0


@dataclass(eq=False)
class Request:
    """inputs: of `rows` rows. taken: how many of them are in calls; answered: how many are done."""

    inputs: Arrays
    rows: int
    deadline: float
    future: asyncio.Future
    since: float
    taken: int = 0
    answered: int = 0
    answers: dict[int, Arrays] = field(default_factory=dict)

    @property
    def shape(self) -> tuple:
        """Requests of one shape a row can be merged."""
        return tuple((name, array.shape[1:]) for name, array in self.inputs.items())


@dataclass(frozen=True)
class Piece:
    """Rows of a request that go into one call."""

    request: Request
    first: int
    last: int

    def inputs(self) -> Arrays:
        request = self.request
        if self.first == 0 and self.last == request.rows:
            return request.inputs
        return {name: array[self.first : self.last] for name, array in request.inputs.items()}


class Batcher:
    """Batches for one function. Used from one event loop; calls run on the executor's threads.

    call: arrays -> arrays, row for row. observe: told (rows of a call, seconds each request of it
    had waited). batched: False where rows cannot be merged; every request is then a call.
    """

    def __init__(
        self, call: Callable[[Arrays], Arrays], executor: Executor, settings: Settings, *,
        workers: int = 1, batched: bool = True,
        observe: Callable[[int, list[float]], None] = lambda rows, waited: None,
    ):  # fmt: skip
        self._call, self._executor, self._settings = call, executor, settings
        self._free, self._batched, self._observe = workers, batched, observe
        self._waiting: deque[Request] = deque()
        self._rows_waiting = 0
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def queued(self) -> int:
        """Rows that no call has taken yet."""
        return self._rows_waiting

    async def __call__(self, inputs: Arrays, rows: int, deadline: float) -> Arrays:
        """The answers to rows. deadline: of time.monotonic(); math.inf for none.

        Raises QueueFull at once, DeadlineExceeded when it passes, and what the call raises.
        """
        now = time.monotonic()
        if deadline <= now:
            raise DeadlineExceeded("the deadline had passed before the request was queued")
        if self._rows_waiting and self._rows_waiting + rows > self._settings.queue:
            raise QueueFull(f"{self._rows_waiting} rows are waiting; try again later")
        loop = asyncio.get_running_loop()
        request = Request(inputs, rows, deadline, loop.create_future(), now)
        self._waiting.append(request)
        self._rows_waiting += rows
        self._idle.clear()
        self._dispatch()
        try:
            async with asyncio.timeout(None if deadline == float("inf") else deadline - now):
                return await request.future
        except TimeoutError:
            raise DeadlineExceeded("the deadline passed before the answer was there") from None
        finally:
            self._forget(request)

    async def drain(self) -> None:
        """Returns when every accepted request is answered."""
        await self._idle.wait()

    def _forget(self, request: Request) -> None:
        """A caller that has gone leaves its rows to nobody."""
        if request.taken < request.rows and request in self._waiting:
            self._waiting.remove(request)
            self._rows_waiting -= request.rows - request.taken
        self._settle()

    def _dispatch(self) -> None:
        while self._free and self._waiting:
            if self._may_grow():
                break
            pieces = self._take()
            if pieces:
                self._start(pieces)
        self._settle()

    def _may_grow(self) -> bool:
        """Whether a batch that is not full should wait; sets the alarm for when it must go."""
        left = self._waiting[0].since + self._settings.wait_s - time.monotonic()
        if left <= 0 or self._rows_waiting >= self._settings.largest_batch:
            return False
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(left, self._ring)
        return True

    def _ring(self) -> None:
        self._alarm = None
        self._dispatch()

    def _take(self) -> list[Piece]:
        """The next call's pieces: of the oldest request, and of others with its shape."""
        pieces: list[Piece] = []
        room = self._settings.largest_batch
        kept: deque[Request] = deque()
        now, shape = time.monotonic(), None
        while self._waiting and room:
            request = self._waiting.popleft()
            if request.future.done() or request.deadline <= now:
                self._rows_waiting -= request.rows - request.taken
                continue
            if shape is not None and (not self._batched or request.shape != shape):
                kept.append(request)
                continue
            shape = request.shape
            count = min(room, request.rows - request.taken) if self._batched else request.rows
            pieces.append(Piece(request, request.taken, request.taken + count))
            request.taken += count
            self._rows_waiting -= count
            room = max(0, room - count)
            if request.taken < request.rows:
                kept.appendleft(request)
                break
        self._waiting.extendleft(reversed(kept))
        return pieces

    def _start(self, pieces: list[Piece]) -> None:
        now = time.monotonic()
        rows = sum(piece.last - piece.first for piece in pieces)
        self._observe(rows, [now - piece.request.since for piece in pieces])
        self._free -= 1
        self._running += 1
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._executor, answers, self._call, pieces)
        work.add_done_callback(lambda done: self._finish(pieces, done))

    def _finish(self, pieces: list[Piece], done: asyncio.Future) -> None:
        self._free += 1
        self._running -= 1
        for piece, found in zip(pieces, done.result(), strict=True):
            deliver(piece, found)
        self._dispatch()

    def _settle(self) -> None:
        if not self._waiting and not self._running:
            self._idle.set()


def answers(call: Callable[[Arrays], Arrays], pieces: list[Piece]) -> list[Arrays | Exception]:
    """One call for all; where that one is refused, one for each, so that a bad request fails alone."""
    if len(pieces) == 1:
        return [_answer(call, pieces[0])]
    own = [piece.inputs() for piece in pieces]
    merged = {name: np.concatenate([inputs[name] for inputs in own]) for name in own[0]}
    try:
        found = call(merged)
    except BadRequest:
        return [_answer(call, piece) for piece in pieces]
    except Exception as error:  # the callers' to see, not the event loop's
        return [error] * len(pieces)
    ends = np.cumsum([piece.last - piece.first for piece in pieces])[:-1]
    parts = {name: np.split(array, ends) for name, array in found.items()}
    return [{name: parts[name][place] for name in parts} for place in range(len(pieces))]


def _answer(call: Callable[[Arrays], Arrays], piece: Piece) -> Arrays | Exception:
    try:
        return call(piece.inputs())
    except Exception as error:  # the caller's to see, not the event loop's
        return error


def deliver(piece: Piece, found: Arrays | Exception) -> None:
    """Gives a request its answer once all its pieces are there."""
    request = piece.request
    if request.future.done():
        return
    if isinstance(found, Exception):
        request.future.set_exception(found)
        return
    request.answers[piece.first] = found
    request.answered += piece.last - piece.first
    if request.answered < request.rows:
        return
    parts = [request.answers[first] for first in sorted(request.answers)]
    whole = parts[0] if len(parts) == 1 else {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }  # fmt: skip
    request.future.set_result(whole)
