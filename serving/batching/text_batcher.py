"""Iteration-level batching: all texts of a model grow together, by one token in each call.

A text that is finished leaves the batch at once and a new one takes its place, so that none waits
for the longest (Yu et al., "Orca", OSDI 2022, https://www.usenix.org/conference/osdi22/presentation/yu).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from serving.batching.text_batch import TextBatch
from serving.batching.text_stream import TextStream
from serving.config import Batching
from serving.errors import QueueFull
from serving.servables.signature import Arrays
from serving.servables.text_generator import ENDED, LOG_PROBABILITY, TEXT, TextGenerator


class TextBatcher:
    """The texts of one version. Used from one event loop; calls run on a thread of its own, so that
    no other call of the model comes between two tokens.

    Args:
        generator: the version's.
        settings: `largest_batch` texts grow at a time, and `queue` more can wait.
        observe: called for each token of the batch with the number of texts and the queue times, in
            seconds, of those that are new.
    """

    def __init__(
        self, generator: TextGenerator, settings: Batching,
        observe: Callable[[int, list[float]], None] = lambda texts, queue_times: None,
    ):  # fmt: skip
        self.generator = generator
        self._settings, self._observe = settings, observe
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="texts")
        self._waiting: deque[TextStream] = deque()
        self._growing: list[TextStream] = []
        self._batch = TextBatch(generator)  # of the growing texts, in their order
        self._task: asyncio.Task | None = None

    @property
    def open(self) -> int:
        """Texts that grow or wait."""
        return len(self._growing) + sum(not stream.is_over for stream in self._waiting)

    def add(self, stream: TextStream) -> None:
        """Raises QueueFull."""
        if len(self._waiting) >= self._settings.queue:
            self._waiting = deque(stream for stream in self._waiting if not stream.is_over)
        if len(self._waiting) >= self._settings.queue:
            raise QueueFull(
                f"{len(self._waiting)} texts are waiting, of {self._settings.queue}; "
                "try again later"
            )
        self._waiting.append(stream)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def drain(self) -> None:
        """Returns when every accepted text is finished."""
        while self._task is not None:
            await asyncio.wait({self._task})

    def release(self) -> None:
        self._executor.shutdown(wait=False)

    async def _run(self) -> None:
        try:
            while self._waiting or self._growing:
                await self._grow()
        finally:
            self._task = None

    async def _grow(self) -> None:
        """One token for each text, after those that are over have made room for new ones."""
        remaining = [row for row, stream in enumerate(self._growing) if not stream.is_over]
        self._growing = [self._growing[row] for row in remaining]
        new = self._next()
        loop, queued_until = asyncio.get_running_loop(), time.monotonic()
        begun, token = await loop.run_in_executor(
            self._executor, self._batch.grow, remaining, [stream.prompt for stream in new],
            [stream.parameters for stream in new],
        )  # fmt: skip
        for stream, notes in zip(new, begun, strict=True):
            if isinstance(notes, Exception):
                stream.fail(notes)
            else:
                stream.notes = notes
                self._growing.append(stream)
        if self._growing:
            self._observe(len(self._growing), [queued_until - stream.queued_at for stream in new])
            self._deliver(token)

    def _next(self) -> list[TextStream]:
        """The oldest that wait, as many as there is room for."""
        new: list[TextStream] = []
        while self._waiting and len(self._growing) + len(new) < self._settings.largest_batch:
            stream = self._waiting.popleft()
            if not stream.is_over:
                new.append(stream)
        return new

    def _deliver(self, token: Arrays | Exception) -> None:
        if isinstance(token, Exception):
            for stream in self._growing:
                stream.fail(token)
            return
        pieces, ended = token[TEXT].tolist(), token[ENDED].tolist()
        log_probabilities = token[LOG_PROBABILITY].tolist()
        for stream, *values in zip(self._growing, pieces, log_probabilities, ended, strict=True):
            if not stream.is_over:
                stream.add(*values)
