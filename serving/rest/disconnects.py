"""Requests over HTTP that wait for an answer nobody is there to take are given up.

Whether a client is still there is looked up a few times a second for all that wait; a watcher for
each request would cost every one of them more than its place in the queue.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from serving.errors import ClientGone

LOOK_S = 0.2


class Presence:
    def __init__(self):
        self._waiting: dict[asyncio.Task, Request] = {}
        self._gone: set[asyncio.Task] = set()
        self._looking: asyncio.Task | None = None

    @contextmanager
    def needed(self, request: Request) -> Iterator[None]:
        """Around the wait of a request whose body has been read. Raises ClientGone."""
        task = asyncio.current_task()
        self._waiting[task] = request
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._gone:
                raise
            task.uncancel()
            raise ClientGone("the client has gone before its answer was there") from None
        finally:
            del self._waiting[task]
            self._gone.discard(task)

    async def _look(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(LOOK_S)
                for task, request in list(self._waiting.items()):
                    if await request.is_disconnected() and task in self._waiting:
                        self._gone.add(task)
                        task.cancel()
        finally:
            self._looking = None
