"""A folder or zip of short movies, one folder a class: their frames, sizes and colours."""

import io
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.preparation import labelled_videos
from pipelines.preparation.class_folders import ClassFile
from pipelines.preparation.data_report import images as image_report
from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report.findings import Finding, first
from pipelines.preparation.inspection import images, tree
from pipelines.preparation.inspection.questions import Answers, Question, Reading

MOST_FRAMES = 16


@dataclass
class Movies:
    """Labelled movies that a recipe can read. folders: split -> folder. size: height, width.
    has_other_folders: whether folders that are no classes lie beside the classes."""

    rows: int
    classes: dict[str, int]
    folders: dict[str, str]
    frames: int
    size: tuple[int, int]
    channels: int
    skip_bad: bool
    has_other_folders: bool
    reasons: list[str] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)


def are_movies(files: tree.Tree, answers: Answers) -> bool:
    """Whether images are movies: most of them GIF files, or frames in inner folders.

    Raises:
        UserError: `ambiguous-task` where numbered images are in folders of the class folders.
    """
    names = [PurePosixPath(name) for name in files.names if not tree.is_note(name)]
    if sum(name.suffix.casefold() == ".gif" for name in names) > len(names) / 2:
        return True
    if answers.get("task") or not _has_frames(names):
        return answers.get("task") == "video_classification"
    readings = [
        Reading("video_classification", "the images of an inner folder are frames of one movie"),
        Reading("image_classification", "every image is a row of its own"),
    ]
    message = f"numbered images in folders below the class folders, as {names[0].as_posix()}"
    question = Question("task", message, readings, files.root)
    return answers.settle(question) == "video_classification"


def _has_frames(names: list[PurePosixPath]) -> bool:
    """Whether most images are numbered and have others beside them, in a folder of a class's."""
    beside = Counter(name.parent for name in names)
    depths = Counter(len(name.parts) for name in names)
    splits = {part.casefold() for name in names for part in name.parts[:-1]} & set(tree.SPLITS)
    deep = 3 + bool(splits)  # class, movie, frame, and perhaps a split before them
    frames = sum(
        len(name.parts) >= deep and beside[name.parent] > 1 and name.stem[-1:].isdigit()
        for name in names
    )
    return len(depths) == 1 and len(beside) > 4 and frames > len(names) / 2


def inspect(files: tree.Tree, answers: Answers) -> Movies:
    """Looks at the first frame of every movie.

    Raises:
        UserError: folders that are no classes, a class without a movie; `ambiguous-bad-files`.
    """
    names = [name for name in files.names if not tree.is_note(name)]
    layout = tree.classes(files, names, answers)
    sources = labelled_videos.sources([
        ClassFile(name, split, label, partial(files.read, name))
        for name, label, split in layout.files
    ])  # fmt: skip
    counted = [_frames(source) for source in sources]
    movies = [source for source, count in zip(sources, counted, strict=True) if count > 1]
    bad = [source.name for source, count in zip(sources, counted, strict=True) if count < 2]
    if bad:
        readings = [Reading("skip", f"the {len(movies)} movies alone are read")]
        message = f"{len(bad)} files or folders have no two frames, {bad[0]} the first"
        answers.settle(Question("bad-files", message, readings, files.root))
    counts = Counter(movie.label for movie in movies)
    if lost := {label for _, label, _ in layout.files} - set(counts):
        message = f"no animated GIF or PNG, or folder of frames, in class {min(lost)!r}; add some"
        raise UserError("class-lost", message, path=files.root, value=min(lost))
    heads = [image_report.facts(movie.files[0].load(), decode=False) for movie in movies]
    frames = min(MOST_FRAMES, int(np.median([count for count in counted if count > 1])))
    size, why = images.stretched_size(heads)
    channels = 1 if {head.mode for head in heads} <= {"L", "1"} else 3
    reasons = [
        *layout.reasons, f"frames: {frames}, evenly in time, of {min(filter(None, counted))} to "
        f"{max(counted)}", why, f"channels: {channels}",
    ]  # fmt: skip
    splits = [movie.split for movie in movies if movie.split]
    report = [
        Finding("rows", "info", len(movies), f"{len(movies)} movies"),
        *label_report.report([movie.label for movie in movies], splits),
    ]
    if bad:
        message = f"{len(bad)} files or folders are no movies"
        report.append(Finding("movies-bad", "warning", len(bad), message, first(bad)))
    return Movies(
        len(movies), dict(counts.most_common()), layout.folders, frames, size, channels, bool(bad),
        bool(layout.left_out), reasons, report,
    )  # fmt: skip


def _frames(source: labelled_videos.Source) -> int:
    """How many frames a movie has; 0 where it cannot be read."""
    if len(source.files) > 1:
        return len(source.files)
    try:
        with Image.open(io.BytesIO(source.files[0].load()), formats=("GIF", "PNG")) as image:
            return getattr(image, "n_frames", 1)
    except image_report.BROKEN:
        return 0
