"""Requests are split and concatenated into batches, and their outputs returned to each request."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np

from serving.errors import DeadlineExceeded, ServingError
from serving.servables.signature import Arrays

Call = Callable[[Arrays], Arrays]


@dataclass(eq=False)
class QueuedRequest:
    """A request from its acceptance to its answer.

    Args:
        inputs: arrays of `rows` rows.
        rows: number of rows.
        row_cost: what one row takes of the capacity of a batch, in rows.
        deadline: in terms of time.monotonic().
        queued_at: in terms of time.monotonic().
        future: receives the outputs or the error.
        dispatched: number of rows that are in batches.
        completed: number of rows that have outputs.
        outputs: outputs by the first row of their slice.
    """

    inputs: Arrays
    rows: int
    row_cost: float
    deadline: float
    queued_at: float
    future: asyncio.Future
    dispatched: int = 0
    completed: int = 0
    outputs: dict[int, Arrays] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        return self.rows - self.dispatched

    @property
    def row_shapes(self) -> tuple:
        """Only requests with equal row shapes can be concatenated."""
        return tuple(array.shape[1:] for array in self.inputs.values())

    def expire(self) -> None:
        if not self.future.done():
            message = "the deadline passed before the model answered"
            self.future.set_exception(DeadlineExceeded(message))

    def next_slice(self, rows: int) -> "BatchSlice":
        start, self.dispatched = self.dispatched, self.dispatched + rows
        return BatchSlice(self, start, self.dispatched)


@dataclass(frozen=True)
class BatchSlice:
    """Rows start to stop of a request, which are part of one batch."""

    request: QueuedRequest
    start: int
    stop: int

    @property
    def rows(self) -> int:
        return self.stop - self.start

    def inputs(self) -> Arrays:
        if self.rows == self.request.rows:
            return self.request.inputs
        return {name: array[self.start : self.stop] for name, array in self.request.inputs.items()}

    def deliver(self, result: Arrays | Exception) -> None:
        """Stores the slice's outputs; the last one completes the request."""
        request = self.request
        if request.future.done():  # another slice failed, or the client is gone
            return
        if isinstance(result, Exception):
            request.future.set_exception(result)
            return
        request.outputs[self.start] = result
        request.completed += self.rows
        if request.completed == request.rows:
            in_order = [request.outputs[start] for start in sorted(request.outputs)]
            request.future.set_result(concat(in_order))


def run_batch(call: Call, slices: list[BatchSlice]) -> list[Arrays | Exception]:
    """The outputs, or the error, of each slice.

    The model is called once for all slices. If that call fails, it is repeated for each half, so
    that an invalid request fails alone and costs the others log2(slices) further calls.
    """
    try:
        outputs = call(concat([batch_slice.inputs() for batch_slice in slices]))
        if len(slices) == 1:
            return [outputs]
        return [*split_outputs(outputs, [batch_slice.rows for batch_slice in slices])]
    except Exception as error:  # noqa: BLE001  belongs to the requests, not to the worker thread
        if len(slices) == 1:
            return [error]
        half = len(slices) // 2
        return run_batch(call, slices[:half]) + run_batch(call, slices[half:])


def concat(batches: list[Arrays]) -> Arrays:
    if len(batches) == 1:
        return batches[0]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def split_outputs(outputs: Arrays, rows: list[int]) -> list[Arrays]:
    """Splits the outputs of a batch into those of slices with these numbers of rows."""
    ends = list(accumulate(rows))
    for name, array in outputs.items():
        if len(array) != ends[-1]:
            message = f"the model returned {len(array)} rows of {name} for {ends[-1]} rows"
            raise ServingError(message)
    return [
        {name: array[start:stop] for name, array in outputs.items()}
        for start, stop in pairwise([0, *ends])
    ]
