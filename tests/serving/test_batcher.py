"""Batching, with a model that is a Python function which a test controls."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.batcher import Batcher
from serving.config import Batching
from serving.errors import BadRequest, DeadlineExceeded, QueueFull


class Recorder:
    """Doubles its input; records the rows of each call; waits while `gate` is closed."""

    def __init__(self):
        self.calls: list[list[float]] = []
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, inputs):
        self.entered.set()
        assert self.gate.wait(30)
        self.calls.append(inputs["x"].ravel().tolist())
        if (inputs["x"] < 0).any():
            raise BadRequest("a negative number")
        return {"y": inputs["x"] * 2}


def rows(*values: float, width: int = 1) -> np.ndarray:
    return np.repeat(np.array(values, float)[:, None], width, axis=1)


def batched(scenario, recorder: Recorder | None = None, **settings):
    """Runs scenario(batcher, send, recorder) in a loop; send: rows -> the task of their outputs."""
    recorder = recorder or Recorder()

    async def main():
        with ThreadPoolExecutor(2) as executor:
            batcher = Batcher(recorder, executor, Batching(**settings))

            def send(array, timeout_s: float = 30.0) -> asyncio.Task:
                deadline = time.monotonic() + timeout_s
                return asyncio.create_task(batcher({"x": array}, len(array), deadline))

            try:
                return await asyncio.wait_for(scenario(batcher, send, recorder), 30)
            finally:
                recorder.gate.set()
                await batcher.drain()

    return asyncio.run(main())


async def busy(send, recorder: Recorder) -> asyncio.Task:
    """A call that lasts until the gate is opened."""
    recorder.gate.clear()
    first = send(rows(0))
    while not recorder.entered.is_set():
        await asyncio.sleep(0.001)
    return first


def test_a_single_request_does_not_wait():
    async def scenario(batcher, send, recorder):
        assert (await send(rows(1, 2)))["y"].tolist() == [[2], [4]]
        return recorder.calls

    assert batched(scenario) == [[1, 2]]


def test_waiting_requests_are_merged_and_split_at_the_largest_batch():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = [send(rows(*range(1 + 3 * i, 4 + 3 * i))) for i in range(4)]
        await asyncio.sleep(0)
        assert batcher.queued == 12
        recorder.gate.set()
        answers = await asyncio.gather(first, *waiting)
        assert [a["y"].ravel().tolist() for a in answers[1:]] == [
            [2 * v for v in range(1 + 3 * i, 4 + 3 * i)] for i in range(4)
        ]
        return recorder.calls

    assert batched(scenario, largest_batch=5) == [[0], [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]


def test_requests_of_different_shapes_are_not_merged():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = [send(rows(1, width=w)) for w in (1, 2, 1)]
        await asyncio.sleep(0)
        recorder.gate.set()
        await asyncio.gather(first, *waiting)
        return recorder.calls

    assert batched(scenario) == [[0], [1, 1], [1, 1]]


def test_a_poison_request_fails_alone_in_few_calls():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = [send(rows(-1.0 if i == 5 else i)) for i in range(16)]
        await asyncio.sleep(0)
        recorder.gate.set()
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)
        for i, answer in enumerate(answers[1:]):
            if i == 5:
                assert isinstance(answer, BadRequest)
            else:
                assert answer["y"].tolist() == [[2 * i]]
        return len(recorder.calls)

    assert batched(scenario) == 1 + 1 + 2 * 4  # the first, all, and the halves down to one


def test_expired_and_abandoned_requests_are_not_run():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        late, cancelled, patient = send(rows(1), 0.01), send(rows(2)), send(rows(3))
        with pytest.raises(DeadlineExceeded):
            await late
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert batcher.queued == 1
        recorder.gate.set()
        await asyncio.gather(first, patient)
        with pytest.raises(DeadlineExceeded):
            await send(rows(4), 0.0)
        return recorder.calls

    assert batched(scenario) == [[0], [3]]


def test_a_full_queue_refuses_until_there_is_space():
    async def scenario(batcher, send, recorder):
        first = await busy(send, recorder)
        waiting = send(rows(1, 2))
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="2 rows are waiting, of 3"):
            await send(rows(3, 4))
        third = send(rows(5))
        recorder.gate.set()
        await asyncio.gather(first, waiting, third)
        assert batcher.queued == 0
        return (await send(rows(*range(10))))["y"].sum()  # an empty queue accepts any size

    assert batched(scenario, queue=3) == 90


def test_a_batch_waits_for_more_requests_if_configured():
    async def scenario(batcher, send, recorder):
        await asyncio.gather(send(rows(1)), send(rows(2)))
        return recorder.calls

    assert batched(scenario, wait_s=0.05) == [[1, 2]]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 7), st.integers(1, 2))
def test_every_row_gets_its_outputs(sizes, largest_batch, workers):
    async def scenario(batcher, send, recorder):
        starts = np.cumsum([0, *sizes])
        arrays = [rows(*range(a, b)) for a, b in zip(starts, starts[1:], strict=False)]
        answers = await asyncio.gather(*(send(array) for array in arrays))
        for array, answer in zip(arrays, answers, strict=True):
            assert np.array_equal(answer["y"], 2 * array)
        assert max(map(len, recorder.calls)) <= largest_batch
        assert sorted(sum(recorder.calls, [])) == list(range(sum(sizes)))

    batched(scenario, largest_batch=largest_batch, workers=workers)
