"""Requests that wait together are answered together.

One call of a graph with 32 rows takes little longer than one with a single row. While a worker is
busy, requests queue; when it is free it takes all that fit, so batches grow with the load and a
lone request waits for nobody. Large requests are split, small ones merged, rows keep their order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from serving.batching.batch import Call, Piece, Request, run
from serving.config import Batching
from serving.errors import DeadlineExceeded, QueueFull
from serving.servables.signature import Arrays


class Batcher:
    """Batches for one function. Used from one event loop; calls run on the executor's threads.

    observe: told rows of a call, and the seconds that each request of it had waited.
    batched: False where rows cannot be merged; every request is then a call.
    """

    def __init__(
        self, call: Call, executor: Executor, settings: Batching, *, batched: bool = True,
        observe: Callable[[int, list[float]], None] = lambda rows, waited: None,
    ):  # fmt: skip
        self._call, self._executor, self._settings = call, executor, settings
        self._batched, self._observe = batched, observe
        self._free = settings.workers
        self._waiting: deque[Request] = deque()
        self._rows_waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def queued(self) -> int:
        """Rows that no call has taken yet."""
        return self._rows_waiting

    async def __call__(self, inputs: Arrays, rows: int, deadline: float) -> Arrays:
        """The answers to rows. deadline: of time.monotonic().

        The request is accepted or refused before the first await. Raises QueueFull at once,
        DeadlineExceeded when it passes, and what the call raises.
        """
        now = time.monotonic()
        if deadline <= now:
            raise DeadlineExceeded("the deadline had passed before the request was queued")
        if self._rows_waiting and self._rows_waiting + rows > self._settings.queue:
            raise QueueFull(
                f"{self._rows_waiting} rows are waiting, of {self._settings.queue}; try again later"
            )
        loop = asyncio.get_running_loop()
        request = Request(inputs, rows, deadline, now, loop.create_future())
        alarm = loop.call_later(deadline - now, request.expire)
        self._waiting.append(request)
        self._rows_waiting += rows
        self._idle.clear()
        self._dispatch()
        try:
            return await request.future
        finally:
            alarm.cancel()
            self._forget(request)

    async def drain(self) -> None:
        """Returns when every accepted request is answered."""
        await self._idle.wait()

    def _forget(self, request: Request) -> None:
        """Rows that nobody waits for any more are not run."""
        if request.waiting and request in self._waiting:
            self._waiting.remove(request)
            self._rows_waiting -= request.waiting
        self._settle()

    def _dispatch(self) -> None:
        while self._free and self._waiting and not self._may_grow():
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
        passed_over: list[Request] = []
        room, now = self._settings.largest_batch, time.monotonic()
        while self._waiting and room > 0:
            request = self._waiting.popleft()
            if request.future.done() or request.deadline <= now:
                self._rows_waiting -= request.waiting
                request.taken = request.rows
            elif pieces and not (self._batched and request.shape == pieces[0].request.shape):
                passed_over.append(request)
            else:
                rows = min(room, request.waiting) if self._batched else request.rows
                pieces.append(request.take(rows))
                self._rows_waiting -= rows
                room -= rows
                if request.waiting:
                    passed_over.append(request)
        self._waiting.extendleft(reversed(passed_over))
        return pieces

    def _start(self, pieces: list[Piece]) -> None:
        now = time.monotonic()
        waited = [now - piece.request.since for piece in pieces]
        self._observe(sum(piece.rows for piece in pieces), waited)
        self._free -= 1
        self._executor.submit(self._work, asyncio.get_running_loop(), pieces)

    def _work(self, loop: asyncio.AbstractEventLoop, pieces: list[Piece]) -> None:
        """On a thread of the executor."""
        loop.call_soon_threadsafe(self._finish, pieces, run(self._call, pieces))

    def _finish(self, pieces: list[Piece], found: list) -> None:
        self._free += 1
        for piece, answer in zip(pieces, found, strict=True):
            piece.deliver(answer)
        self._dispatch()

    def _settle(self) -> None:
        if not self._waiting and self._free == self._settings.workers:
            self._idle.set()
