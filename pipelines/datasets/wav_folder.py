"""A folder, or a zip or tar archive, of WAV files in one folder per class: words, music, machines.

PCM of 8, 16, 24 and 32 bits and float of 32 bits are read, and channels mixed down to their mean.
All files must have one sampling rate, unless `resample` asks for it. A file that is shorter than a
window is filled with silence at its end; a longer one is cut into windows, after files have become
train, val or test. `group` says who speaks or plays: all files of one are in one split.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.config.written_texts import Label
from pipelines.preparation import (
    class_folders,
    file_groups,
    folder_listing,
    label_names,
    labelled_recordings,
    sounds,
)
from pipelines.preparation.class_folders import ClassFile
from pipelines.preparation.file_groups import GroupTable, PartOfName, Pattern
from pipelines.preparation.folder_names import is_passed_over, printable
from pipelines.preparation.label_names import LabelNames
from pipelines.preparation.labelled_recordings import Recording, Seconds
from pipelines.preparation.recording_splits import RecordingSplit
from pipelines.preparation.splits import SplitSources
from pipelines.preprocessing.signal_windows import Windows

MAX_FILE_BYTES = 1 << 28
UNITS = {"sound": "full scale"}


class Options(BaseModel):
    """Which files are read, and how they are cut and split.

    Args:
        folders: where the class folders are, as of image_folder: {all: sounds}, to be split here,
            or {train: ..., val: ..., test: ...}; default: the class folders at the top.
        classes: the class folders to read, where there are others beside them; default: all.
        label: where classes have no folders, the part of a file's name that is its class, in
            brackets: "^(\\d)_" of 7_jackson_32.wav.
        labels: class names for folders or parts of names: {no: negative}; several may have one.
        group: the part of a file's name (below the source folder) that is the speaker, in brackets:
            "_([a-z]+)_"; or a table, {table: speakers.csv, file: file, group: speaker}.
        test, val: regular expressions of the names of the files that are test or val by a protocol;
            the others are split.
        rate_hz: samples a second that all files must have; default: those of the first one.
        resample: convert files with other sampling rates to `rate_hz`.
        window_seconds: of a window, which is what a model sees.
        hop_seconds: from one window to the next; default: half a window.
        bad_files: refuse | skip files that cannot be read or are silent.
        split: how files become train, val and test; see `recording_splits.RecordingSplit`.
    """

    model_config = STRICT
    folders: SplitSources[str] | None = None
    classes: Annotated[list[Label], Field(min_length=2)] | None = None
    label: PartOfName | None = None
    labels: LabelNames | None = None
    group: PartOfName | GroupTable | None = None
    test: Pattern | None = None
    val: Pattern | None = None
    rate_hz: Count | None = None
    resample: bool = False
    window_seconds: Seconds = 1.0
    hop_seconds: Seconds | None = None
    bad_files: Literal["refuse", "skip"] = "refuse"
    split: RecordingSplit = RecordingSplit()

    @model_validator(mode="after")
    def _options_fit(self):
        if self.resample and self.rate_hz is None:
            raise ValueError("`resample` needs `rate_hz`, the sampling rate to convert to")
        if self.label is not None and (self.folders or self.classes):
            raise ValueError("`label` is for files without class folders; remove `folders` and "
                             "`classes`, or `label`")  # fmt: skip
        return self


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    files = find(options, raw)
    recordings, rate_hz = read(options, raw, files)
    windows = Windows.of_seconds(rate_hz, options.window_seconds, options.hop_seconds)
    return labelled_recordings.write(
        out, raw, recordings, UNITS, windows, options.split, seed, is_sound=True
    )


def find(options: Options, raw: Path) -> list[ClassFile]:
    """The WAV files with their classes, sorted by name."""
    if options.label is None:
        files = class_folders.read(raw, options.folders, options.classes, MAX_FILE_BYTES)
        return [file for file in files if _is_wav(file.name)] or _no_files(raw)
    files = []
    for name, load in folder_listing.members(raw, _is_wav, MAX_FILE_BYTES):
        if load is not None and _is_wav(name):
            label = file_groups.part_of_name(raw, name, options.label, "label")
            files.append(ClassFile(printable(name), "", label, load))
    return sorted(files, key=lambda file: file.name) or _no_files(raw)


def _is_wav(name: str) -> bool:
    return not is_passed_over(name) and name.casefold().endswith((".wav", ".wave"))


def _no_files(raw: Path) -> list[ClassFile]:
    raise UserError(
        "files-missing", "no file whose name ends in .wav; convert others to WAV, or correct "
        "`source` or `folders`", path=raw,
    )  # fmt: skip


def read(options: Options, raw: Path, files: Sequence[ClassFile]) -> tuple[list[Recording], int]:
    """(recordings, sampling rate)."""
    groups = (
        file_groups.of_table(raw, options.group) if isinstance(options.group, GroupTable) else None
    )
    recordings: list[Recording] = []
    remaining: list[ClassFile] = []
    skipped: list[ClassFile] = []
    rate_hz = options.rate_hz
    for file in files:
        try:
            data = file.load()
            wav = sounds.decode(data, raw / file.name)
            rate_hz = rate_hz or wav.rate_hz
            samples = sounds.at_rate(raw / file.name, wav, rate_hz, options.resample)
        except UserError as error:
            if options.bad_files == "refuse":
                raise UserError(
                    error.code, f"{error.message}; or set bad_files: skip", path=error.path,
                    key=error.key, value=error.value,
                ) from None  # fmt: skip
            print(f"skipped: {error}")
            skipped.append(file)
            continue
        remaining.append(file)
        recordings.append(Recording(
            file.name, samples[:, None],
            label_names.class_name(file.label, options.labels, raw / file.name),
            _group(options, raw, file.name, groups), file.split or _split(options, file.name),
            data if wav.rate_hz == rate_hz else None,
        ))  # fmt: skip
    if not recordings or rate_hz is None:
        raise UserError("files-missing", f"all {len(skipped)} files were skipped", path=raw)
    class_folders.require_none_lost(raw, remaining, skipped)
    _require_both(options, raw, recordings)
    return recordings, rate_hz


def _split(options: Options, name: str) -> str:
    for split, pattern in (("test", options.test), ("val", options.val)):
        if pattern is not None and re.search(pattern, name):
            return split
    return ""


def _require_both(options: Options, raw: Path, recordings: Sequence[Recording]) -> None:
    """Every pattern of a split matches some files, and not all of them."""
    counts = Counter(recording.split for recording in recordings)
    for split, pattern in (("test", options.test), ("val", options.val)):
        if pattern is not None and not 0 < counts[split] < len(recordings):
            raise UserError(
                "split-size", f"the pattern matches {counts[split]} of {len(recordings)} files; "
                "correct it", path=raw, key=split, value=pattern,
            )  # fmt: skip


def _group(options: Options, raw: Path, name: str, groups: dict[str, str] | None) -> str | None:
    if isinstance(options.group, str):
        return file_groups.part_of_name(raw, name, options.group, "group")
    return None if groups is None else file_groups.of_file(raw, name, groups)
