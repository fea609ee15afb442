"""Rows go through the model in batches, which bound the memory, and come back one by one."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.commands.prediction.model import ExportedModel
from pipelines.commands.prediction.rows import BadRow, Request, Source

BATCH_ROWS, BATCH_BYTES = 256, 1 << 25


def of(source: Source) -> Iterator[list[Request]]:
    """The rows of a source that can be predicted, some at a time."""
    batch: list[Request] = []
    size = 0
    for row in source.requests():
        if isinstance(row, BadRow):
            continue
        batch.append(row)
        size += sum(len(value) for value in row.inputs.values() if isinstance(value, bytes))
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def outputs(
    model: ExportedModel, batch: Sequence[Request]
) -> Iterator[tuple[Request | BadRow, dict]]:
    """(row, its outputs); rows that the graph refuses are found one by one."""
    columns = {name: [row.inputs[name] for row in batch] for name in model.inputs}
    try:
        answer = model.predict(columns)
    except ValueError as error:
        if len(batch) == 1:
            yield BadRow(batch[0].place, str(error)), {}
            return
        for row in batch:
            yield from outputs(model, [row])
        return
    for number, row in enumerate(batch):
        yield row, {name: values[number] for name, values in answer.items()}


def rows(row: Request, answers: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The row's columns beside its answers; of a forecast a row for each step."""
    for step, answer in enumerate(answers):
        columns = row.columns
        if row.has_steps:
            columns = {name: values[step] for name, values in columns.items()}
        yield {**columns, **answer}
