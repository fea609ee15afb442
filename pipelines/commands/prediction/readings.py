"""Requests from a file of readings: every reading that has enough before it is judged."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.commands.prediction.rows import BadRow, Request
from pipelines.config.errors import UserError
from pipelines.datasets import readings_csv

PLACE = "time"  # column of the output: the reading's time or number


class Readings:
    """A row is a reading; its columns are `time` and what was read.

    Args:
        path: a file as the recipe reads it; without labels, which are not known of new readings.
        inputs: of the signature; one, of kind series.
        reading: options and `task_metadata` of the data set.
        options: the former, validated.
        every: judge every so many readings, up to the last; None: all.
    """

    def __init__(
        self, path: Path, inputs: Mapping[str, Mapping], reading: Mapping, options: Any,
        every: int | None,
    ):  # fmt: skip
        ((self.input, tensor),) = inputs.items()
        self.length, self.every = tensor["shape"][1], every or 1
        self.columns = list(reading["task_metadata"]["columns"])
        options = _options(path, options, reading["task_metadata"], self.length)
        stream = readings_csv.read_stream(path, "", options, None)
        self.values, self.places = stream.values, stream.places
        if len(self.values) < self.length:
            raise UserError(
                "rows-missing",
                f"{len(self.values)} readings; the model needs {self.length}: give a file that "
                "begins earlier",
                path=path, value=len(self.values),
            )  # fmt: skip
        self.names = [PLACE, *self.columns]
        self.description = f"{len(self.values)} readings; columns {', '.join(self.columns)}"

    def requests(self) -> Iterator[Request | BadRow]:
        rows = len(self.values)
        first = self.length + (rows - self.length) % self.every
        for end in range(first, rows + 1, self.every):
            window = self.values[end - self.length : end].astype(np.float32)
            read = dict(zip(self.columns, self.values[end - 1].tolist(), strict=True))
            place = self.places[end - 1]
            yield Request(place, {self.input: window}, {PLACE: place, **read})


def _options(path: Path, options: Any, metadata: Mapping, length: int) -> readings_csv.Options:
    """The recipe's, for a whole file; of a recipe that reads no tables, columns by their names."""
    if not isinstance(options, readings_csv.Options):
        units = dict(zip(metadata["columns"], metadata["units"], strict=True))
        return readings_csv.Options(values=units, time=None, history_steps=length)
    if options.scale == "stream":
        raise UserError(
            "input-unsupported",
            "the model's readings are in spreads of each file's own first readings (scale: "
            "stream), which a new file does not have; give JSON lines with `history` in spreads",
            path=path, value="scale",
        )  # fmt: skip
    given = {"label": None, "events": None, "rows": None, "files": None}
    return options.model_copy(update={**given, "decimal": options.decimal})
