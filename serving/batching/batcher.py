"""Dynamic batching: requests that wait at the same time are answered by one call of the model.

A call with 32 rows takes little longer than a call with one row. While all workers are busy,
requests queue; a free worker takes all that fit into a batch, so batches grow with the load and a
single request does not wait. Large requests are split, small ones merged, rows keep their order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from serving.batching.batch import BatchSlice, Call, QueuedRequest, run_batch
from serving.config import Batching
from serving.errors import DeadlineExceeded, QueueFull
from serving.servables.signature import Arrays


class Batcher:
    """Batches for one function. Used from one event loop; calls run on the executor's threads.

    Args:
        call: the function: inputs -> outputs.
        executor: its threads; at least `settings.workers`.
        settings: sizes and times.
        batched: False if rows cannot be merged; every request is then a call by itself.
        observe: called for each batch with its rows and its requests' queue times in seconds.
    """

    def __init__(
        self, call: Call, executor: Executor, settings: Batching, *, batched: bool = True,
        observe: Callable[[int, list[float]], None] = lambda rows, queue_times: None,
    ):  # fmt: skip
        self._call, self._executor, self._settings = call, executor, settings
        self._batched, self._observe = batched, observe
        self._free_workers = settings.workers
        self._queue: deque[QueuedRequest] = deque()
        self._rows_waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def queued(self) -> int:
        """Rows that are not in a batch yet."""
        return self._rows_waiting

    async def __call__(
        self, inputs: Arrays, rows: int, deadline: float, share: float = 0.0
    ) -> Arrays:
        """The outputs for the rows; the request is accepted or refused before the first await.

        Args:
            inputs: validated arrays.
            rows: their number of rows.
            deadline: in terms of time.monotonic().
            share: the part of a batch, from 0 to 1, that each row takes at least.

        Raises:
            QueueFull: at once.
            DeadlineExceeded: when the deadline passes.
            ServingError: what the call raised.
        """
        now = time.monotonic()
        if deadline <= now:
            raise DeadlineExceeded("the deadline passed before the request was queued")
        if self._rows_waiting and self._rows_waiting + rows > self._settings.queue:
            raise QueueFull(
                f"{self._rows_waiting} rows are waiting, of {self._settings.queue}; try again later"
            )
        loop = asyncio.get_running_loop()
        row_cost = max(1.0, share * self._settings.largest_batch)
        request = QueuedRequest(inputs, rows, row_cost, deadline, now, loop.create_future())
        expiry = loop.call_later(deadline - now, request.expire)
        self._queue.append(request)
        self._rows_waiting += rows
        self._idle.clear()
        self._dispatch()
        try:
            return await request.future
        finally:
            expiry.cancel()
            self._remove(request)

    async def drain(self) -> None:
        """Returns when every accepted request is answered."""
        await self._idle.wait()

    def _remove(self, request: QueuedRequest) -> None:
        """Rows of an expired or abandoned request are not run."""
        if request.waiting and request in self._queue:
            self._queue.remove(request)
            self._rows_waiting -= request.waiting
        self._update_idle()

    def _dispatch(self) -> None:
        while self._free_workers and self._queue and not self._should_wait():
            slices = self._next_batch()
            if slices:
                self._submit(slices)
        self._update_idle()

    def _should_wait(self) -> bool:
        """Whether a batch that is not full should wait for more requests; starts its timer."""
        remaining = self._queue[0].queued_at + self._settings.wait_s - time.monotonic()
        if remaining <= 0 or self._rows_waiting >= self._settings.largest_batch:
            return False
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(remaining, self._on_timer)
        return True

    def _on_timer(self) -> None:
        self._timer = None
        self._dispatch()

    def _next_batch(self) -> list[BatchSlice]:
        """Slices of the oldest request and of others with the same row shapes."""
        slices: list[BatchSlice] = []
        skipped: list[QueuedRequest] = []
        capacity, now = float(self._settings.largest_batch), time.monotonic()
        while self._queue and capacity >= 1:
            request = self._queue.popleft()
            if request.future.done() or request.deadline <= now:
                self._rows_waiting -= request.waiting
                request.dispatched = request.rows
            elif slices and (
                request.row_cost > capacity or not self._can_merge(request, slices[0].request)
            ):
                skipped.append(request)
            else:
                room = max(1, int(capacity / request.row_cost))
                rows = min(room, request.waiting) if self._batched else request.rows
                slices.append(request.next_slice(rows))
                self._rows_waiting -= rows
                capacity -= rows * request.row_cost
                if request.waiting:
                    skipped.append(request)
        self._queue.extendleft(reversed(skipped))
        return slices

    def _can_merge(self, request: QueuedRequest, first: QueuedRequest) -> bool:
        return self._batched and request.row_shapes == first.row_shapes

    def _submit(self, slices: list[BatchSlice]) -> None:
        now = time.monotonic()
        queue_times = [now - batch_slice.request.queued_at for batch_slice in slices]
        self._observe(sum(batch_slice.rows for batch_slice in slices), queue_times)
        self._free_workers -= 1
        self._executor.submit(self._work, asyncio.get_running_loop(), slices)

    def _work(self, loop: asyncio.AbstractEventLoop, slices: list[BatchSlice]) -> None:
        """Runs on a thread of the executor."""
        loop.call_soon_threadsafe(self._finish, slices, run_batch(self._call, slices))

    def _finish(self, slices: list[BatchSlice], results: list[Arrays | Exception]) -> None:
        self._free_workers += 1
        for batch_slice, result in zip(slices, results, strict=True):
            batch_slice.deliver(result)
        self._dispatch()

    def _update_idle(self) -> None:
        if not self._queue and self._free_workers == self._settings.workers:
            self._idle.set()
