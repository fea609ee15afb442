"""Texts that grow together: who is in which call, and what ends a text."""

import asyncio
import time

import numpy as np
import pytest

from serving.batching.text_batcher import TextBatcher
from serving.batching.text_stream import TextStream
from serving.config import Batching
from serving.errors import BadRequest, DeadlineExceeded, QueueFull, ServingError


class Letters:
    """Repeats each prompt letter by letter; remembers the prompts of each call."""

    def __init__(self, seconds: float = 0.0):
        self.seconds, self.calls, self.broken = seconds, [], False

    def begin(self, prompts, parameters):
        if b"bad" in prompts:
            raise BadRequest("bad")
        rows = {"prompt": np.array(prompts), "position": np.zeros(len(prompts), int)}
        return rows, [{"letters": len(prompt)} for prompt in prompts]

    def advance(self, rows):
        time.sleep(self.seconds)
        if self.broken:
            raise ServingError("broken")
        prompts = [bytes(prompt) for prompt in np.array(rows["prompt"])]
        positions = np.array(rows["position"])
        self.calls.append(prompts)
        pieces = [p[i % len(p) : i % len(p) + 1] for p, i in zip(prompts, positions, strict=True)]
        token = {
            "text": np.array(pieces, object), "ended": np.array([p == b"." for p in pieces]),
            "log_probability": np.full(len(prompts), -1.0),
        }  # fmt: skip
        return {**rows, "position": positions + 1}, token


def text(prompt: str, max_tokens: int, *, seconds: float = 30.0, stops=()) -> TextStream:
    return TextStream(prompt.encode(), {}, max_tokens, stops, time.monotonic() + seconds)


async def read(stream: TextStream) -> str:
    return "".join([part async for part in stream.read()])


def run(generator: Letters, *streams: TextStream, batch: int = 8, queue: int = 8) -> list:
    """The texts, or the errors, of streams that arrive at the same time."""

    async def main():
        batcher = TextBatcher(generator, Batching(largest_batch=batch, queue=queue))
        for stream in streams:
            batcher.add(stream)
        results = await asyncio.gather(*map(read, streams), return_exceptions=True)
        await batcher.drain()
        assert batcher.open == 0
        batcher.release()
        return results

    return asyncio.run(main())


def test_all_texts_grow_in_one_call_and_leave_when_they_are_finished():
    letters = Letters()
    assert run(letters, text("ab", 2), text("xyz", 5), text("q", 3)) == ["ab", "xyzxy", "qqq"]
    assert letters.calls == 2 * [[b"ab", b"xyz", b"q"]] + [[b"xyz", b"q"]] + 2 * [[b"xyz"]]


def test_a_waiting_text_takes_the_place_of_one_that_is_finished():
    letters = Letters()
    texts = [text("a", 4), text("b", 1), text("c", 2), text("d", 1)]
    assert run(letters, *texts, batch=2) == ["aaaa", "b", "cc", "d"]
    assert letters.calls == [[b"a", b"b"], [b"a", b"c"], [b"a", b"c"], [b"a", b"d"]]


def test_what_is_known_of_a_text():
    ended, cut, stopped = text("ab.", 9), text("ab", 3), text("abc", 9, stops=["ca"])
    assert run(Letters(), ended, cut, stopped) == ["ab.", "aba", "ab"]
    assert [s.finish_reason for s in (ended, cut, stopped)] == ["stop", "length", "stop"]
    assert [s.tokens for s in (ended, cut, stopped)] == [3, 3, 4]
    assert [s.log_probability for s in (ended, cut, stopped)] == [-3, -3, -4]
    assert stopped.notes == {"letters": 3}


def test_an_invalid_prompt_fails_alone():
    texts = [text(prompt, 2) for prompt in ("a", "bad", "c", "d")]
    first, error, *others = run(Letters(), *texts)
    assert isinstance(error, BadRequest)
    assert [first, *others] == ["aa", "cc", "dd"]


def test_a_failing_call_ends_the_texts_that_are_in_it():
    letters = Letters()
    letters.broken = True
    errors = run(letters, text("a", 2), text("b", 2))
    assert all(isinstance(error, ServingError) for error in errors)
    letters.broken = False
    assert run(letters, text("a", 2)) == ["aa"]


def test_a_deadline_ends_a_text_that_grows_and_one_that_waits():
    letters = Letters(seconds=0.01)
    texts = [text("a", 10**6, seconds=0.1), text("b", 3, seconds=0.05), text("c", 3)]
    late, never, whole = run(letters, *texts, batch=1)
    assert isinstance(late, DeadlineExceeded) and isinstance(never, DeadlineExceeded)
    assert whole == "ccc"
    assert [b"b"] not in letters.calls


def test_a_reader_that_goes_frees_the_place_and_leaves_the_queue():
    async def main():
        batcher = TextBatcher(Letters(seconds=0.005), Batching(largest_batch=1, queue=2))
        streams = [text("a", 10**6), text("b", 10**6), text("c", 3)]
        batcher.add(streams[0])
        reading = asyncio.create_task(read(streams[0]))
        while not streams[0].tokens:
            await asyncio.sleep(0.001)
        for stream in streams[1:]:
            batcher.add(stream)
        with pytest.raises(QueueFull):
            batcher.add(text("d", 1))
        streams[1].is_abandoned = True
        batcher.add(last := text("d", 1))  # in the place of the abandoned one
        reading.cancel()
        assert await asyncio.gather(read(streams[2]), read(last)) == ["ccc", "d"]
        assert streams[0].tokens < 1000 and not streams[1].tokens

    asyncio.run(main())


def test_a_text_does_not_wait_for_its_reader():
    async def main():
        stream, batcher = text("ab", 100), TextBatcher(Letters(), Batching())
        batcher.add(stream)
        parts = stream.read()
        await anext(parts)
        await batcher.drain()
        assert stream.finish_reason == "length"
        return [part async for part in parts]

    rest = asyncio.run(main())
    assert len(rest) == 1 and len(rest[0]) >= 98
