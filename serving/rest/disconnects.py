"""Cancels HTTP requests whose client has disconnected, so that nothing is computed for nobody.

One task checks all waiting requests a few times a second; a task for each request would cost more
than its place in the queue.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from serving.errors import ClientDisconnected

CHECK_INTERVAL_S = 0.2


class DisconnectGuard:
    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task, Request] = {}
        self._disconnected: set[asyncio.Task] = set()
        self._checker: asyncio.Task | None = None

    @contextmanager
    def cancel_on_disconnect(self, request: Request) -> Iterator[None]:
        """Wraps the wait for an answer, after the body has been read. Raises ClientDisconnected."""
        task = asyncio.current_task()
        assert task is not None, "a request is handled in a task"
        self._waiting[task] = request
        if self._checker is None:
            self._checker = asyncio.create_task(self._check())
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._disconnected:
                raise
            task.uncancel()
            raise ClientDisconnected("the client disconnected before its answer") from None
        finally:
            del self._waiting[task]
            self._disconnected.discard(task)

    async def _check(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(CHECK_INTERVAL_S)
                for task, request in list(self._waiting.items()):
                    if await request.is_disconnected() and task in self._waiting:
                        self._disconnected.add(task)
                        task.cancel()
        finally:
            self._checker = None
