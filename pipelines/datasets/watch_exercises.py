"""Which of seven exercises of the shoulder a watch at the wrist records: split by person.

140 recordings of 10 people (see pipelines/preparation/watch_recordings.py), cut into windows after
people have become train, val or test. With `split: {by: recordings}` a person's left arm may be in
train and the right one in test, which flatters every score.
"""

from pathlib import Path

from pydantic import BaseModel

from pipelines import spec
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import labelled_recordings, watch_recordings
from pipelines.preparation.labelled_recordings import Recording, Seconds
from pipelines.preparation.recording_splits import RecordingSplit
from pipelines.preparation.watch_recordings import NAMES, READINGS_A_SECOND, UNITS
from pipelines.preprocessing.signal_windows import Windows


class Options(BaseModel):
    """How the recordings are cut and split.

    Args:
        window_seconds: of a window, which is what a model sees.
        hop_seconds: from one window to the next; default: half a window.
        every: keep every so many readings, as means: 2 gives 25 a second.
        split: how many people are val and test; see `recording_splits.RecordingSplit`.
    """

    model_config = STRICT
    window_seconds: Seconds = 2.56
    hop_seconds: Seconds | None = None
    every: Count = 1
    split: RecordingSplit = RecordingSplit(val=2, test=2)


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    rate_hz = READINGS_A_SECOND / options.every
    windows = Windows.of_seconds(rate_hz, options.window_seconds, options.hop_seconds)
    recordings = [
        Recording(f"person {r.person}, {r.side}, {NAMES[r.exercise]}", r.values,
                  NAMES[r.exercise], f"person {r.person}")
        for r in watch_recordings.read(raw, options.every)
    ]  # fmt: skip
    return labelled_recordings.write(out, raw, recordings, UNITS, windows, options.split, seed)
