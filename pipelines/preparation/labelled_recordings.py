"""Labelled recordings become windows in splits on disk; the same for every recipe of signals.

Recordings are split first and cut into windows afterwards, so windows that overlap are in one
split. A row of a split is a window: signal (steps, columns) float32; label; recording and group,
their numbers in the split and in the data set; place, for people; of sounds also wav_bytes, the
window as a file that a client would send, which is the recording's own where it is one window.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.preparation import recording_splits, split_checks, validation
from pipelines.preparation.data_report import findings
from pipelines.preparation.data_report.findings import Finding
from pipelines.preparation.recording_splits import RecordingSplit
from pipelines.preprocessing import signal_windows, wav_files
from pipelines.preprocessing.signal_windows import Windows
from pipelines.storage import arrays

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SIGNAL, WAV, TARGET = "signal", "wav_bytes", "label"
MIN_RELATIVE_SCALE = 1e-6  # of the mean, of a column that is constant in train


@dataclass(frozen=True)
class Recording:
    """One recording.

    Args:
        name: of the file, or of the recording in its file.
        values: (steps, columns), finite.
        label: its class.
        group: the person, speaker or machine; None: not known.
        split: "train", "val" or "test" where the source says so, else "".
        file: the bytes of a WAV file, where a client may send these.
    """

    name: str
    values: np.ndarray
    label: str
    group: str | None = None
    split: str = ""
    file: bytes | None = None


def write(
    out: Path, source: Path, recordings: Sequence[Recording], units: Mapping[str, str],
    windows: Windows, options: RecordingSplit, seed: int, *, is_sound: bool = False,
) -> spec.DataSpec:  # fmt: skip
    """Writes every repeat into out/repeat<i>/ and returns the spec.

    Args:
        out: an empty folder.
        source: for errors.
        recordings: all.
        units: column -> unit.
        windows: how recordings are cut.
        options: how to split.
        seed: of the draw.
        is_sound: rows also have files, which are what is served.

    Raises:
        UserError: two equal recordings with different labels, or splits that cannot be made.
    """
    recordings = distinct(source, recordings)
    labels = validation.classes(source, [r.label for r in recordings], None)
    targets = np.array([labels.index(r.label) for r in recordings], np.int32)
    names = [r.name if r.group is None else r.group for r in recordings]
    repeats = recording_splits.split(
        source, options, names, targets, [r.split for r in recordings], seed
    )
    groups = sorted({r.group for r in recordings if r.group is not None})
    for number, rows_of in enumerate(repeats):
        split_checks.require_all_classes(source, {"train": rows_of["train"]}, targets, labels)
        folder = out / f"repeat{number}"
        (folder / "assets").mkdir(parents=True)
        windows.save(folder / "assets" / signal_windows.FILE)
        for split, rows in rows_of.items():
            members = [recordings[row] for row in rows]
            columns = _columns(members, targets[rows], groups, windows, is_sound)
            arrays.write(folder / split, columns)
    findings.write(out, list(report(recordings, repeats, windows)))
    of_repeats = [
        statistics(np.concatenate([recordings[row].values for row in rows_of["train"]]))
        for rows_of in repeats
    ]
    unit = ", ".join(dict.fromkeys(units.values()))
    field = spec.Field(
        (windows.length, len(units)), "float32", unit, kind="audio" if is_sound else "real"
    )
    return spec.DataSpec(
        inputs={SIGNAL: field}, target=spec.Target.class_id(TARGET, len(labels)),
        outputs=len(labels), request_inputs=(WAV if is_sound else SIGNAL,),
        labels=tuple(labels), repeats=len(repeats),
        task_metadata={
            "columns": list(units), "units": list(units.values()), "rate_hz": windows.rate_hz,
            "hop_steps": windows.hop, **of_repeats[0], "of_repeats": of_repeats, "groups": groups,
            "windows": [
                [windows.count(len(recordings[row].values)) for row in rows_of["test"]]
                for rows_of in repeats
            ],
        },
    )  # fmt: skip


def statistics(values: np.ndarray) -> dict[str, list[float]]:
    """Centre (mean) and scale (standard deviation, above 0) of each column of (rows, columns)."""
    mean = values.mean(axis=0, dtype=np.float64)
    deviation = values.std(axis=0, dtype=np.float64)
    floor = np.maximum(MIN_RELATIVE_SCALE * np.abs(mean), MIN_RELATIVE_SCALE)
    return {"centre": mean.tolist(), "scale": np.maximum(deviation, floor).tolist()}


def distinct(source: Path, recordings: Sequence[Recording]) -> list[Recording]:
    """One of each of equal recordings, that of test rather than that of train."""
    rank = {"test": 0, "val": 1, "train": 2, "": 3}
    first: dict[bytes, Recording] = {}
    for recording in sorted(recordings, key=lambda r: rank[r.split]):
        key = hashlib.sha256(np.ascontiguousarray(recording.values).tobytes()).digest()
        original = first.setdefault(key, recording)
        if original.label != recording.label:
            raise UserError(
                "label-conflict",
                f"{recording.name} ({recording.label}) and {original.name} ({original.label}) are "
                "the same recording; remove one of them", path=source, value=recording.name,
            )  # fmt: skip
    remaining = {id(recording) for recording in first.values()}
    if dropped := [r.name for r in recordings if id(r) not in remaining]:
        shown = ", ".join(dropped[:5])
        print(f"{source}: {len(dropped)} recordings that are there twice are dropped: {shown}")
    return [recording for recording in recordings if id(recording) in remaining]


def _columns(
    members: Sequence[Recording], targets: np.ndarray, groups: Sequence[str], windows: Windows,
    is_sound: bool,
) -> dict:  # fmt: skip
    """The columns of a split."""
    counts = [windows.count(len(recording.values)) for recording in members]
    signal = [windows(np.asarray(r.values, np.float32)) for r in members]
    group = [-1 if r.group is None else groups.index(r.group) for r in members]
    columns = {
        SIGNAL: np.concatenate(signal),
        TARGET: np.repeat(targets, counts).astype(np.int32),
        "recording": np.repeat(np.arange(len(members), dtype=np.int32), counts),
        "group": np.repeat(np.array(group, np.int32), counts),
        "place": [
            f"{recording.name}, {number * windows.hop / windows.rate_hz:.2f} s"
            for recording, count in zip(members, counts, strict=True)
            for number in range(count)
        ],
    }
    if is_sound:
        columns[WAV] = [
            file
            for recording, cut in zip(members, signal, strict=True)
            for file in _files(recording, cut, round(windows.rate_hz))
        ]
    return columns


def _files(recording: Recording, cut: np.ndarray, rate_hz: int) -> list[bytes]:
    """A file for each window."""
    if len(cut) == 1 and recording.file is not None:
        return [recording.file]
    if len(cut) == 1:
        return [wav_files.encode(recording.values[: cut.shape[1], 0], rate_hz)]
    return [wav_files.encode(window[:, 0], rate_hz) for window in cut]


def report(recordings, repeats, windows: Windows):
    """What is in the data, and whether the length of a recording gives its class away."""
    seconds = np.array([len(r.values) / windows.rate_hz for r in recordings])
    counts = Counter(r.label for r in recordings)
    groups = {r.group for r in recordings if r.group is not None}
    shown = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
    yield Finding(
        "recordings", "info", len(recordings),
        f"{len(recordings)} recordings of {len(groups) or 'unknown'} groups, "
        f"{seconds.min():.2f} to {seconds.max():.2f} s, {seconds.sum() / 60:.1f} minutes: {shown}",
    )  # fmt: skip
    short = [r.name for r in recordings if len(r.values) < windows.length]
    if short:
        yield Finding(
            "recordings-short", "info", len(short),
            f"{len(short)} recordings are shorter than a window and end in zeros",
            findings.first(short),
        )  # fmt: skip
    for split, rows in repeats[0].items():
        total = sum(windows.count(len(recordings[row].values)) for row in rows)
        names = {recordings[row].group for row in rows} - {None}
        yield Finding(
            f"windows-{split}", "info", total,
            f"{split}: {len(rows)} recordings of {len(names) or 'unknown'} groups, "
            f"{total} windows",
        )  # fmt: skip
