"""Movements measured at the wrist, with stretches of other movements spliced in as anomalies.

140 recordings of seven exercises of the shoulder, by 10 people with both arms: acceleration and
angular velocity along three axes each, 50 readings a second (Burns et al. 2018), as the package
seglearn has them (BSD-3). The normal state is one exercise. The events are spliced: into each
recording of that exercise go stretches of the same person's and arm's other exercises, at places
that are drawn at random, with a short cross-fade at either end. So the sensor and the movements are
real, and the events and their borders are known because they were made.

People are train, val or test, never two of them.

Reference: "Shoulder physiotherapy exercise recognition: machine learning the inertial signals from
a smartwatch", 2018, https://doi.org/10.1088/1361-6579/aacfd9.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import event_streams, watch_recordings
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.event_streams import NORMAL, Stream
from pipelines.preparation.watch_recordings import READINGS_A_SECOND, SIDES, UNITS, Exercise


class Split(BaseModel):
    """val, test: how many of the 10 people."""

    model_config = STRICT
    val: Count = 2
    test: Count = 3


class Options(BaseModel):
    """What is normal, and what is spliced into it.

    Args:
        normal: the exercise that is the normal state: PEN (pendulum), ABD (abduction), FEL (forward
            elevation), IR (internal rotation), ER (external rotation), TRAP (trapezius), ROW.
        history_steps: readings that a model sees.
        stride: readings from one row of train to the next.
        every: keep every so many readings, as means: 2 gives 25 a second.
        event_steps: the shortest and the longest event, in readings that are kept.
        events: spliced into each recording, one of each other exercise at most.
        fade_steps: of the cross-fade at either end of an event.
        split: how many people are val and test.
    """

    model_config = STRICT
    normal: Exercise = "FEL"
    history_steps: Count = 48
    stride: Count = 2
    every: Count = 2
    event_steps: Annotated[list[Count], Field(min_length=2, max_length=2)] = [20, 40]
    events: Annotated[int, Field(strict=True, ge=1, le=6)] = 4
    fade_steps: Count = 3
    split: Split = Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    recordings = read(raw, options.every)
    people = sorted({person for person, *_ in recordings})
    held_out = options.split.val + options.split.test
    if held_out >= len(people):
        raise UserError(
            "split-size", f"val and test take {held_out} of {len(people)} people, which leaves "
            "none for train; make them smaller", key="split", value=held_out,
        )  # fmt: skip
    order = np.random.default_rng(seed).permutation(people).tolist()
    test, val = order[: options.split.test], order[options.split.test : held_out]
    members = {"train": order[held_out:], "val": val, "test": test}
    streams = {
        split: [
            spliced(recordings, person, side, options, seed)
            for person in sorted(group) for side in SIDES
            if (person, side, options.normal) in recordings
        ]
        for split, group in members.items()
    }  # fmt: skip
    described = event_streams.write(
        out, streams, UNITS, options.history_steps, stride=options.stride
    )
    findings.write(out, list(report(members, streams)))
    return described


def read(path: Path, every: int) -> dict[tuple[int, str, str], np.ndarray]:
    """(person, side, exercise) -> (rows, 6) readings; where there are several, the first."""
    recordings: dict[tuple[int, str, str], np.ndarray] = {}
    for person, side, exercise, values in watch_recordings.read(path, every):
        recordings.setdefault((person, side, exercise), values)
    return recordings


def spliced(recordings, person: int, side: str, options: Options, seed: int) -> Stream:
    """A recording of the normal exercise with stretches of the others."""
    values = recordings[person, side, options.normal].copy()
    others = sorted(
        exercise for who, arm, exercise in recordings
        if (who, arm) == (person, side) and exercise != options.normal
    )  # fmt: skip
    rng = np.random.default_rng([seed, person, SIDES.index(side)])
    event = np.full(len(values), NORMAL, np.int32)
    drawn = rng.permutation(others)[: options.events]
    # One event in each of as many equal parts, after a first part without.
    edges = np.linspace(0, len(values), len(drawn) + 2).astype(int)[1:]
    shortest, longest = options.event_steps
    for number, (exercise, low, high) in enumerate(zip(drawn, edges, edges[1:], strict=False)):
        length = int(min(rng.integers(shortest, longest + 1), (high - low) // 2))
        begin = int(rng.integers(low, high - length + 1))
        source = recordings[person, side, str(exercise)]
        start = int(rng.integers(0, max(1, len(source) - length)))
        _cross_fade(values, begin, source[start : start + length], options.fade_steps)
        event[begin : begin + length] = number
    places = [f"{row * options.every / READINGS_A_SECOND:.2f} s" for row in range(len(values))]
    return Stream(f"person {person}, {side}", values, event, places)


def _cross_fade(values: np.ndarray, begin: int, stretch: np.ndarray, fade: int) -> None:
    """Puts the stretch into `values`, with shares that rise and fall in `fade` steps."""
    steps = np.arange(1, len(stretch) + 1)
    share = np.minimum(1, np.minimum(steps, steps[::-1]) / (fade + 1))[:, None]
    rows = slice(begin, begin + len(stretch))
    values[rows] = share * stretch + (1 - share) * values[rows]


def report(members, streams):
    """What is in the data, and that the events are spliced."""
    for split, parts in streams.items():
        rows, events = sum(map(len, parts)), sum(map(event_streams.event_count, parts))
        share = np.mean(np.concatenate([s.event != NORMAL for s in parts]))
        message = (
            f"{split}: {len(parts)} streams of {len(members[split])} people, "
            f"{rows} readings, {events} spliced events, {share:.1%} of the readings"
        )
        yield Finding(f"streams-{split}", "info", rows, message)
