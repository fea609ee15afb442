"""Streams of readings with events in them: what recipes of anomaly detection do with them.

A row of a split is one reading with the readings before it, `history` (history_steps, columns),
which ends with the reading that is judged: whatever a model computes of it uses no later row. The
first readings of a stream have less before them; there the first one is repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.storage import arrays

NORMAL = -1  # in `event`: a reading of no event
MIN_STREAMS = 5  # resampled as a whole; of fewer, parts with one event each are
IQR_OF_NORMAL = 1.349  # in standard deviations
MIN_RELATIVE_SCALE = 1e-3  # of the median, of a channel that is constant in train


@dataclass(frozen=True)
class Stream:
    """Readings of one sensor, or of several that are read together.

    Args:
        name: of the file or recording.
        values: (rows, columns) float64, finite.
        event: (rows,) the number of the event that a reading belongs to, or NORMAL.
        places: of each reading, for people: a time, or "step 7".
        first: readings before this one are known, but not judged: those of the split before.
    """

    name: str
    values: np.ndarray
    event: np.ndarray
    places: Sequence[str]
    first: int = 0

    def __len__(self) -> int:
        return len(self.values) - self.first

    def part(self, begin: int, end: int, history_steps: int) -> "Stream":
        """The readings `begin` to `end`, with those before that their histories need."""
        known = max(0, begin - history_steps + 1)
        rows = slice(known, end)
        parts = self.values[rows], self.event[rows], self.places[rows]
        return Stream(self.name, *parts, begin - known)


@dataclass(frozen=True)
class Scaling:
    """Median and spread (interquartile range as a standard deviation) of each column in train."""

    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Scaling":
        """Of (rows, columns); a few wild values, or a constant column, do no harm.

        Where half of the readings are equal the standard deviation takes the place of the spread,
        and where all are a thousandth of their size: any change is then far away.
        """
        centre = np.median(values, axis=0)
        low, high = np.percentile(values, [25, 75], axis=0)
        scale = (high - low) / IQR_OF_NORMAL
        floor = np.maximum(MIN_RELATIVE_SCALE * np.abs(centre), MIN_RELATIVE_SCALE)
        scale = np.where(scale > 0, scale, values.std(axis=0))
        return cls(centre, np.where(scale > 1e-6 * floor, scale, floor))


def write(
    out: Path, streams: Mapping[str, Sequence[Stream]], units: Mapping[str, str],
    history_steps: int, *, stride: int = 1, season_steps: int = 1,
) -> spec.DataSpec:  # fmt: skip
    """Writes repeat0 and returns its spec.

    Args:
        out: the folder of the data set.
        streams: split -> its streams.
        units: column -> unit.
        history_steps: readings of a row.
        stride: readings from one row of train to the next; every one of val and test is judged.
        season_steps: of a season, 1 for none.

    Raises:
        UserError: a split without readings, or train without normal ones.
    """
    for split, parts in streams.items():
        if not sum(map(len, parts)):
            raise UserError(
                "split-too-short", f"no reading is left for {split}; change `split`",
                path=out.name, key=f"split.{split}", value=0,
            )  # fmt: skip
    for split, parts in streams.items():
        _write_split(
            out / "repeat0" / split, parts, history_steps, stride * (split == "train") or 1
        )
    (out / "repeat0/assets").mkdir()
    scaling = Scaling.of(_normal(streams["train"]))
    columns = list(units)
    unit = ", ".join(dict.fromkeys(units.values()))
    shape = (history_steps, len(columns))
    return spec.DataSpec(
        inputs={"history": spec.Field(shape, "float32", unit)},
        target=spec.Target((history_steps, len(columns) + 1), "float32", unit, name="steps"),
        outputs=len(columns),
        request_inputs=("history",),
        task_metadata={
            "columns": columns, "units": list(units.values()), "season_steps": season_steps,
            "centre": scaling.centre.tolist(), "scale": scaling.scale.tolist(),
            "streams": {split: [s.name for s in parts] for split, parts in streams.items()},
            "events": {split: sum(map(event_count, parts)) for split, parts in streams.items()},
            "resampled": resampled(streams["test"]),
        },
    )  # fmt: skip


def _normal(streams: Sequence[Stream]) -> np.ndarray:
    """(rows, columns) the readings of no event."""
    normal = [s.values[s.first :][s.event[s.first :] == NORMAL] for s in streams]
    values = np.concatenate(normal)
    if not len(values):
        raise UserError(
            "normal-missing", "train has no reading outside an event; correct the labels, or give "
            "train more readings", key="split.train", value=0,
        )  # fmt: skip
    return values


def _write_split(folder: Path, streams: Sequence[Stream], steps: int, stride: int) -> None:
    """history (n, T, C), steps (n, T, C + 1) with the label of each, event, stream, place."""
    histories, labelled, event, number, places = [], [], [], [], []
    events = 0
    for index, stream in enumerate(streams):
        rows = np.arange(stream.first, len(stream.values), stride)
        label = (stream.event != NORMAL).astype(np.float64)[:, None]
        values = np.concatenate([stream.values, label], axis=1).astype(np.float32)
        padded = np.concatenate([np.repeat(values[:1], steps - 1, axis=0), values])
        padded[: steps - 1, -1] = 0
        windows = arrays.WindowIndex(padded[stream.first :], steps, stride)
        histories.append(arrays.WindowIndex(padded[stream.first :, :-1], steps, stride))
        labelled.append(windows)
        numbered = _numbered(stream.event[rows], events)
        events = max(events, int(numbered.max()) + 1)
        event.append(numbered)
        number.append(np.full(len(rows), index, np.int32))
        places += [stream.places[row] for row in rows.tolist()]
    if len(streams) == 1:
        history, steps_of = histories[0], labelled[0]
    else:  # windows of several streams are no windows of one series
        history, steps_of = (
            np.concatenate([part.view() for part in parts]) for parts in (histories, labelled)
        )
    arrays.write(folder, {
        "history": history, "steps": steps_of, "event": np.concatenate(event),
        "stream": np.concatenate(number), "place": places,
    })  # fmt: skip


def _numbered(event: np.ndarray, first: int) -> np.ndarray:
    """Events numbered from `first` on, in their order."""
    numbered = np.full(len(event), NORMAL, np.int32)
    for number, name in enumerate(_ids(event)):
        numbered[event == name] = first + number
    return numbered


def event_count(stream: Stream) -> int:
    return len(_ids(stream.event[stream.first :]))


def resampled(streams: Sequence[Stream]) -> list[int]:
    """Numbers of consecutive rows of test that are drawn together when scores are resampled.

    Streams; where there are few, parts of streams, cut midway between one event and the next.
    """
    if len(streams) >= MIN_STREAMS:
        return [len(stream) for stream in streams if len(stream)]
    lengths = []
    for stream in streams:
        event = stream.event[stream.first :]
        bounds = [np.flatnonzero(event == name)[[0, -1]] for name in _ids(event)]
        cuts = [(int(a[1]) + int(b[0]) + 1) // 2 for a, b in zip(bounds, bounds[1:], strict=False)]
        lengths += np.diff([0, *cuts, len(event)]).tolist()
    return [length for length in lengths if length]


def _ids(event: np.ndarray) -> list[int]:
    """The numbers of the events, in their order."""
    return list(dict.fromkeys(event[event != NORMAL].tolist()))


def numbered_runs(labels: np.ndarray) -> np.ndarray:
    """Event numbers of 0/1 labels: every run of ones is an event."""
    labels = np.asarray(labels).astype(bool)
    starts = labels & ~np.concatenate([[False], labels[:-1]])
    return np.where(labels, np.cumsum(starts) - 1, NORMAL).astype(np.int32)
