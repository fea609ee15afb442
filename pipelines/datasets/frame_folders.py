"""A folder, or a zip or tar archive, of short movies in one folder per class.

A movie is an animated GIF or PNG file in the class folder, or a folder in it with numbered JPEG or
PNG images, its frames; see preparation/labelled_videos.py. T frames of each, evenly in time, are
what a model sees. All movies are held in memory at their final size.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.config.written_texts import Label
from pipelines.preparation import class_folders, labelled_images, labelled_videos, splits
from pipelines.preparation.label_names import LabelNames
from pipelines.preparation.labelled_videos import Movie, Source
from pipelines.preparation.splits import ImageSplit, SplitSources
from pipelines.preprocessing import video_decoding
from pipelines.preprocessing.video_decoding import VideoReader

MAX_FILE_BYTES = 1 << 26


class Options(BaseModel):
    """Which movies are read, and how.

    Args:
        folders: where the class folders are, as of image_folder: {all: movies}, to be split here,
            or {train: ..., val: ..., test: ...}; default: the class folders at the top.
        classes: the class folders to read, where there are others beside them; default: all.
        labels: class names for the folders: {v_Diving: diving}; several may have one class.
        frames: T, how many frames of a movie a model sees.
        size: height and width to resize frames to; one whose ratio differs is squeezed.
        channels: 1 or 3.
        positive: the class to detect, for two-class tasks: its threshold is calibrated.
        bad_files: refuse | skip movies that cannot be read or have a single frame.
        sample_rows: read only so many movies, drawn at random.
        duplicates: drop (the test split's one is kept) | keep.
        conflicts: refuse | drop (all of them): what to do with a movie that has two labels.
        overlap: refuse | report: what to do when a test movie is also in train.
        max_pixels: of all frames of a movie together; larger ones are refused before they are
            decoded.
        split: how movies become train, val and test; see `splits.ImageSplit`.
    """

    model_config = STRICT
    folders: SplitSources[str] | None = None
    classes: Annotated[list[Label], Field(min_length=2)] | None = None
    labels: LabelNames | None = None
    frames: Annotated[int, Field(strict=True, ge=2)] = 16
    size: labelled_images.Size = (64, 64)
    channels: Literal[1, 3] = 3
    positive: Label | None = None
    bad_files: Literal["refuse", "skip"] = "refuse"
    sample_rows: Count | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    conflicts: Literal["refuse", "drop"] = "refuse"
    overlap: Literal["refuse", "report"] = "refuse"
    max_pixels: Count = video_decoding.MAX_PIXELS
    split: ImageSplit = ImageSplit()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = VideoReader(options.frames, *options.size, options.channels, options.max_pixels)
    sources, movies = read(options, raw, reader, seed)
    rows = labelled_images.of_class_folders(
        raw, sources, [movie.frames for movie in movies], [movie.file for movie in movies],
        options.labels, options.positive, labelled_images.MOVIE,
    )  # fmt: skip
    return labelled_images.write(
        rows, out, reader, options.split, seed,
        duplicates=options.duplicates, overlap=options.overlap, conflicts=options.conflicts,
        positive=options.positive, report=labelled_videos.report(rows, movies),
    )  # fmt: skip


def read(
    options: Options, raw: Path, reader: VideoReader, seed: int
) -> tuple[list[Source], list[Movie]]:
    """All movies of the class folders.

    Raises:
        UserError: a file that is no movie, or no movie at all.
    """
    files = class_folders.read(raw, options.folders, options.classes, MAX_FILE_BYTES)
    every_source = labelled_videos.sources(files)
    sources, movies, skipped = [], [], []
    for source in splits.sample(raw, every_source, options.sample_rows, seed):
        try:
            movies.append(labelled_videos.read(source, reader))
        except UserError as error:
            if options.bad_files == "refuse":
                raise UserError(
                    error.code, f"{error.message}; or set bad_files: skip",
                    path=raw / str(error.path), key=error.key, value=error.value,
                ) from None  # fmt: skip
            print(f"skipped: {error}")
            skipped.append(source.files[0])
        else:
            sources.append(source)
    if not movies:
        raise UserError(
            "images-missing", f"no readable movies ({len(skipped)} skipped); see `folders`",
            path=raw,
        )  # fmt: skip
    class_folders.require_none_lost(raw, sources, skipped)
    return sources, movies
