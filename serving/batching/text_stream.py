"""One text that is being made: filled by a `TextBatcher`, read by one client."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.batching.growing_text import GrowingText
from serving.errors import DeadlineExceeded

STOP, LENGTH = "stop", "length"  # why a text is finished


@dataclass(eq=False)
class TextStream:
    """A text from its request to its end. Used from one event loop.

    The model does not wait for the reader: a text is bounded, and a slow reader finds all of it.

    Args:
        prompt: what the text continues.
        parameters: of the model, by name.
        max_tokens: after which the text is finished.
        stops: strings before which the text ends.
        deadline: by which it must be whole, in terms of time.monotonic().
        queued_at: in terms of time.monotonic().
        notes: what the model says of the prompt.
        tokens: number of tokens made.
        log_probability: of these tokens.
        finish_reason: STOP or LENGTH; empty until it is finished.
        error: why it will not be finished.
        is_abandoned: nobody reads it any more.
    """

    prompt: bytes
    parameters: Mapping[str, Any]
    max_tokens: int
    stops: Sequence[str]
    deadline: float
    queued_at: float = field(default_factory=time.monotonic)
    notes: dict[str, Any] = field(default_factory=dict)
    tokens: int = 0
    log_probability: float = 0.0
    finish_reason: str = ""
    error: Exception | None = None
    is_abandoned: bool = False

    def __post_init__(self):
        self._text, self._changed = GrowingText(self.stops), asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether the model needs to do nothing more for it."""
        return (
            bool(self.finish_reason or self.error or self.is_abandoned)
            or self.deadline <= time.monotonic()
        )

    def add(self, piece: bytes, log_probability: float, ended: bool) -> None:
        """One more token."""
        self.tokens += 1
        self.log_probability += log_probability
        self._text.add(piece)
        if ended or self._text.is_stopped:
            self.finish_reason = STOP
        elif self.tokens >= self.max_tokens:
            self.finish_reason = LENGTH
        self._changed.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self._changed.set()

    async def read(self) -> AsyncGenerator[str, None]:
        """What is new, whenever there is something; to be closed by the reader.

        Raises:
            DeadlineExceeded: the deadline passed before the text was whole.
            ServingError: the model failed.
        """
        try:
            while True:
                if self.error is not None:
                    raise self.error
                is_whole = bool(self.finish_reason)
                if text := self._text.take(is_whole=is_whole):
                    yield text
                elif is_whole:
                    return
                else:
                    await self._wait()
        finally:
            self.is_abandoned = True

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.deadline - time.monotonic()):
                await self._changed.wait()
        except TimeoutError:
            message = f"the deadline passed after {self.tokens} of {self.max_tokens} tokens"
            raise DeadlineExceeded(message) from None
        self._changed.clear()
