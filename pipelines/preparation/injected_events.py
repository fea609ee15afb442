"""Made events, for readings whose real ones nobody has labelled.

Without labels nothing can be said about real events, so that a model cannot be compared with a
simple rule at all. What can be measured is whether it sees disturbances of known kinds: these are
put into test, and the data report and the scores say so. Kinds, with a size drawn between 3 and 8
spreads of the column in train, in one column each:

    spike    a single reading is moved
    shift    all readings of the event are moved by the same
    drift    the readings are moved more and more
    stuck    the column keeps the value of the first reading
    noise    independent noise is added
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipelines.preparation.event_streams import NORMAL, Scaling, Stream

KINDS = ("spike", "shift", "drift", "stuck", "noise")
SMALLEST, LARGEST = 3.0, 8.0  # spreads
SHORTEST, LONGEST = 5, 40  # readings of an event that is no spike
EVENTS = 20
SPACE = 10  # lengths of the longest event that each one has to itself: most readings are normal


def inject(streams: Sequence[Stream], scaling: Scaling, seed: int) -> list[Stream]:
    """The streams with about EVENTS events in all, spread over them by their lengths."""
    total = sum(map(len, streams))
    return [
        _injected(stream, scaling, max(1, round(EVENTS * len(stream) / total)), [seed, number])
        for number, stream in enumerate(streams)
    ]


def _injected(stream: Stream, scaling: Scaling, count: int, seed: Sequence[int]) -> Stream:
    rng = np.random.default_rng(seed)
    values, event = stream.values.copy(), np.full(len(stream.values), NORMAL, np.int64)
    count = max(1, min(count, len(stream) // (SPACE * SHORTEST)))
    edges = np.linspace(stream.first, len(values), count + 1).astype(int)
    for number, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        kind = KINDS[number % len(KINDS)]
        longest = max(1, min(LONGEST, (high - low) // SPACE))
        length = 1 if kind == "spike" else int(rng.integers(min(SHORTEST, longest), longest + 1))
        begin = int(rng.integers(low, max(low + 1, high - length)))
        column = int(rng.integers(values.shape[1]))
        size = rng.uniform(SMALLEST, LARGEST) * rng.choice([-1, 1]) * scaling.scale[column]
        rows = slice(begin, begin + length)
        values[rows, column] = _disturbed(kind, values[rows, column], size, rng)
        event[rows] = number
    return replace(stream, values=values, event=event)


def _disturbed(kind: str, values: np.ndarray, size: float, rng) -> np.ndarray:
    if kind == "stuck":
        return np.full(len(values), values[0])
    change = {
        "spike": lambda: size,
        "shift": lambda: size,
        "drift": lambda: size * np.arange(1, len(values) + 1) / len(values),
        "noise": lambda: rng.normal(0, abs(size) / 2, len(values)),
    }
    return values + change[kind]()
