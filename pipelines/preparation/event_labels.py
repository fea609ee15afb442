"""Events of streams of readings: a column of labels, or the first and last time of each."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from pipelines.config.errors import UserError
from pipelines.preparation import time_cells
from pipelines.preparation.event_streams import NORMAL
from pipelines.preparation.observations import Observation

Pairs = Sequence[Sequence[str | int]]


def refuse_other(rows: Sequence[Observation], column: str) -> None:
    """Refuses labels, the last of each row's values, that are neither 0 nor 1.

    Raises:
        UserError: another number, or an empty cell.
    """
    labels = np.array([row.values[-1] for row in rows])
    wrong = np.flatnonzero(~np.isin(labels, (0, 1)))
    if len(wrong):
        value, place = labels[wrong[0]], rows[wrong[0]].place
        shown = "empty" if np.isnan(value) else f"{value:g}"
        raise UserError(
            "label-invalid",
            f"{column} is {shown}, one of {len(wrong)} such cells; write 1 for readings of an "
            "event and 0 for all others",
            path=place.path, line=place.line, key="label", value=None if np.isnan(value) else value,
        )  # fmt: skip


def read_file(path: Path) -> dict[str, Pairs]:
    """Name of a file of readings -> [first, last] of its events, as NAB writes them.

    Raises:
        UserError: the file is not so.
    """
    try:
        listed = json.loads(path.read_text("utf-8"))
        if not isinstance(listed, Mapping) or any(
            len(pair) != 2 for pairs in listed.values() for pair in pairs
        ):
            raise ValueError("another structure")
    except (ValueError, TypeError) as error:
        raise UserError(
            "events-unreadable",
            f'not a JSON object {{"file.csv": [["first time", "last time"], ...]}} ({error})',
            path=path, key="events",
        ) from error  # fmt: skip
    return dict(listed)


def of_times(path: Path, times: Sequence[datetime], pairs: Pairs, is_counted: bool) -> np.ndarray:
    """(rows,) the number of the event that a reading lies in, NORMAL outside.

    Args:
        path: of the readings, for errors.
        times: of each, ascending.
        pairs: first and last time of each event, both of them in it; numbers of readings, from 1
            on, where there are no times.
        is_counted: whether there are none.

    Raises:
        UserError: no times, or times between which there is no reading.
    """
    event = np.full(len(times), NORMAL, np.int64)
    clock = np.arange(1, len(times) + 1) if is_counted else np.array(times, "datetime64[us]")
    for number, pair in enumerate(pairs):
        first, last = (_bound(path, bound, is_counted) for bound in pair)
        inside = (clock >= first) & (clock <= last)
        if not inside.any():
            raise UserError(
                "event-empty",
                f"no reading lies between {pair[0]} and {pair[1]}; the readings go from "
                f"{clock[0]} to {clock[-1]}",
                path=path, key="events", value=list(map(str, pair)),
            )  # fmt: skip
        event[inside] = number
    return event


def _bound(path: Path, bound: str | int, is_counted: bool):
    try:
        if is_counted:
            return int(bound)
        return np.datetime64(time_cells.iso_time(str(bound)).replace(tzinfo=None), "us")
    except ValueError:
        expected = "the number of a reading" if is_counted else "a time such as 2024-05-31T18:00"
        raise UserError(
            "event-invalid", f"{bound!r} is not {expected}; correct it", path=path, key="events",
            value=bound,
        ) from None  # fmt: skip
