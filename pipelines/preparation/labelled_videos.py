"""What recipes of movies share: the movies of class folders, and the report on them.

A movie is an animated GIF or PNG file, or a folder of images that are its frames, in the order of
the numbers in their names. The server takes GIF files, so what is none becomes one here: resized,
cut to the frames that a model sees, with at most 256 colours a frame.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from pipelines.config.errors import UserError
from pipelines.preparation.class_folders import ClassFile
from pipelines.preparation.data_report import labels as label_report
from pipelines.preparation.data_report.findings import Finding, first
from pipelines.preparation.labelled_images import LabelledImages
from pipelines.preprocessing import gif_files, image_decoding
from pipelines.preprocessing.image_decoding import DECODING_ERRORS, JPEG, PNG
from pipelines.preprocessing.video_decoding import VideoReader, moments

ANIMATED = b"acTL"  # the chunk of an animated PNG, before its pixels
FRAME_ENDINGS = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Source:
    """One movie, as the source has it.

    Args:
        name: of the file, or of the folder of its frames.
        split: "train", "val" or "test" where the source says so, else "".
        label: the class.
        files: the file, or the frames in their order.
    """

    name: str
    split: str
    label: str
    files: tuple[ClassFile, ...]


@dataclass(frozen=True)
class Movie:
    """A movie that was read: `file` is a GIF, which `frames` (T, H, W, C) are decoded from.

    total: how many frames it has at its source. converted: whether the source has no such file.
    """

    file: bytes
    frames: np.ndarray
    total: int
    converted: bool


def sources(files: Sequence[ClassFile]) -> list[Source]:
    """Which movies the files of class folders are.

    Still images of one folder are frames of a movie, if that is a folder in a class folder; every
    other file should be a movie.
    """
    movies, of_folder = [], {}
    for file in files:
        parent = PurePosixPath(file.name).parent
        in_class = parent.parts and parent.parts.index(file.label) == len(parent.parts) - 1
        if file.name.casefold().endswith(FRAME_ENDINGS) and not in_class:
            of_folder.setdefault(parent.as_posix(), []).append(file)
        else:
            movies.append(Source(file.name, file.split, file.label, (file,)))
    for name, frames in of_folder.items():
        ordered = tuple(sorted(frames, key=lambda frame: in_order(frame.name)))
        movies.append(Source(name, frames[0].split, frames[0].label, ordered))
    return sorted(movies, key=lambda source: source.name)


def in_order(name: str) -> list[tuple[int, str]]:
    """Key to sort names by their numbers: frame 2 is before frame 10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def read(source: Source, reader: VideoReader) -> Movie:
    """The movie.

    Raises:
        UserError: a file of another kind, a damaged or too large one, or a single frame.
    """
    if len(source.files) == 1:
        data = source.files[0].load()
        if data.startswith(gif_files.SIGNATURES):
            frames = reader(data, source.name)
            total = len(gif_files.layout(data, reader.max_pixels).frames)
            return Movie(data, frames, total, converted=False)
        if is_animated_png(data):
            return _converted(source, _animated_png(source.name, data, reader), reader)
        refuse_still(source, data)
    images = [file.load() for file in source.files]
    for file, data in zip(source.files, images, strict=True):
        if is_animated_png(data):
            raise UserError(
                "video-nested", "an animated PNG file among the images of a folder, which are "
                "taken for the frames of one movie; move it up, into the class folder",
                path=file.name,
            )  # fmt: skip
    delays = [gif_files.USUAL_DELAY] * len(images)
    selected = moments(delays, reader.frames).tolist()
    image = image_decoding.Reader(
        reader.height, reader.width, reader.channels, reader.max_pixels // len(images)
    )
    decoded = {n: image(images[n], source.files[n].name) for n in sorted(set(selected))}
    return _as_gif(source, np.stack([decoded[n] for n in selected]), len(images), reader)


def is_animated_png(data: bytes) -> bool:
    return data.startswith(PNG) and ANIMATED in data.partition(b"IDAT")[0]


def refuse_still(source: Source, data: bytes) -> None:
    """Raises: a file that is no movie, by what it is."""
    if data.startswith((PNG, JPEG)):
        raise UserError(
            "video-frames",
            "a single image; a movie is an animated GIF or PNG file, or a folder with two or more "
            "images in the class folder: add the others, or remove it",
            path=source.name,
        )  # fmt: skip
    raise UserError(
        "video-format",
        "an empty file; fetch it again, or remove it" if not data else
        "not an animated GIF or PNG file; convert it (ffmpeg -i FILE -vf fps=10,scale=160:-1 "
        "FILE.gif), or remove it",
        path=source.name,
    )  # fmt: skip


def _animated_png(name: str, data: bytes, reader: VideoReader) -> list[tuple[int, np.ndarray]]:
    """(delay in 1/100 s, (h, w, 3)) of each frame, on black."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            count = getattr(image, "n_frames", 1)
            if count * image.width * image.height > reader.max_pixels:
                raise UserError(
                    "video-too-large", f"{count} frames of {image.width} x {image.height} pixels; "
                    f"at most {reader.max_pixels:,} are read: shrink or shorten it, or raise "
                    "max_pixels", path=name, key="max_pixels", value=count,
                )  # fmt: skip
            return list(_frames(image, count))
    except DECODING_ERRORS as error:
        raise UserError(
            "video-damaged", f"damaged animated PNG ({error}); fix or remove it", path=name
        ) from None


def _frames(image: Image.Image, count: int) -> Iterator[tuple[int, np.ndarray]]:
    for number in range(count):
        image.seek(number)
        seen = image.convert("RGBA")
        black = Image.new("RGBA", seen.size, (0, 0, 0, 255))
        pixels = np.asarray(Image.alpha_composite(black, seen).convert("RGB"))
        yield round(image.info.get("duration", 0) / 10), pixels


def _converted(source: Source, shown: list[tuple[int, np.ndarray]], reader: VideoReader) -> Movie:
    if len(shown) < 2:
        raise UserError(
            "video-frames", f"a movie of {len(shown)} frame; two or more are needed: remove it",
            path=source.name,
        )  # fmt: skip
    selected = moments([delay for delay, _ in shown], reader.frames).tolist()
    frames = np.stack([reader.fit(shown[number][1]) for number in selected])
    return _as_gif(source, frames, len(shown), reader)


def _as_gif(source: Source, frames: np.ndarray, total: int, reader: VideoReader) -> Movie:
    if total < 2:
        raise UserError(
            "video-frames", "a folder with a single image; a movie has two or more: add the "
            "others, or remove it", path=source.name,
        )  # fmt: skip
    file = gif_files.encode(frames)
    return Movie(file, reader(file, source.name), total, converted=True)


def report(data: LabelledImages, movies: Sequence[Movie] = ()) -> list[Finding]:
    """The data report.

    Args:
        data: all rows.
        movies: where they were read from; none where they were made.
    """
    rows, frames = len(data.names), data.images.shape[1]
    names = [data.label(row) for row in range(rows)]
    findings = [
        Finding("rows", "info", rows, f"{rows} movies"),
        *label_report.report(names, data.given_splits.tolist()),
    ]
    totals = [movie.total for movie in movies]
    if totals:
        few = [row for row, total in enumerate(totals) if total < frames]
        findings.append(Finding(
            "frames", "info", rows,
            f"{min(totals)} to {max(totals)} frames, of which {frames} are selected, evenly in "
            f"time; {len(few)} movies have fewer, some of which are there twice",
            first(f"{data.names[row]}: {totals[row]}" for row in few),
        ))  # fmt: skip
    converted = [row for row, movie in enumerate(movies) if movie.converted]
    if converted:
        findings.append(Finding(
            "converted", "info", len(converted),
            f"{len(converted)} movies are no GIF files and become some, with at most 256 colours a "
            "frame: a client sends GIF files", first(data.names[row] for row in converted),
        ))  # fmt: skip
    still = np.flatnonzero((data.images == data.images[:, :1]).all(axis=(1, 2, 3, 4)))
    if len(still):
        message = f"{len(still)} movies in which nothing changes"
        examples = first(data.names[row] for row in still)
        findings.append(Finding("still", "warning", len(still), message, examples))
    copies = Counter(data.files)
    if twice := rows - len(copies):
        findings.append(Finding("duplicates", "warning", twice, f"{twice} movies are copies"))
    return findings
