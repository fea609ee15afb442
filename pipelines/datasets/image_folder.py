"""A folder, or a zip file, of JPEG and PNG files in one folder a class.

options (params.yaml, `datasets.<key>.options`):

    folders     where the classes' folders are, relative to `source`: {all: flowers} to divide
                them here, or {train: ..., val: ..., test: ...}; what of val and test is not given
                is cut from train. Default {all: .}
    size        height and width to stretch pictures to (see `images`); channels: 1 or 3
    crop        share of the sides of what is stretched: the middle, in the ratio of `size`. 0.875
                is the custom with networks of ImageNet, 1 cuts no more than the ratio asks;
                default: the whole picture, squeezed where its ratio is another one
    positive    the class to detect, for two-class tasks: its threshold is calibrated
    bad_files   refuse | skip: what to do with files that are not whole JPEGs or PNGs
    duplicates  drop (of copies the test part's is kept) | keep
    conflicts   refuse | drop (all copies): what to do with a picture that has two labels
    overlap     refuse | report: what to do when a test picture also stands in train
    max_pixels  larger pictures are refused before they are decoded
    split       see `pictures.Split`

Hidden files are passed over. All pictures are held in memory at their final size.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, model_validator

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import STRICT, Count
from pipelines.preparation import labelled_images, validation
from pipelines.preprocessing import image_decoding

MAX_FILE_BYTES = 1 << 26


class Folders(BaseModel):
    model_config = STRICT
    all: str | None = None
    train: str | None = None
    val: str | None = None
    test: str | None = None

    @model_validator(mode="after")
    def _one_or_parts(self):
        if (self.all is None) == (self.train is None):
            raise ValueError("give either `all` or `train`")
        if self.all is not None and (self.val or self.test):
            raise ValueError("`all` is divided here; `val` and `test` go with `train`")
        return self

    def parts(self) -> dict[str, PurePosixPath]:
        """Part (empty: to be divided) -> folder."""
        given = {"": self.all, "train": self.train, "val": self.val, "test": self.test}
        return {part: PurePosixPath(name) for part, name in given.items() if name is not None}


class Options(BaseModel):
    model_config = STRICT
    folders: Folders = Folders(all=".")
    size: labelled_images.Size = (224, 224)
    channels: Literal[1, 3] = 3
    crop: Annotated[float, Field(ge=0.001, le=1)] | None = None
    positive: str | None = None
    bad_files: Literal["refuse", "skip"] = "refuse"
    duplicates: Literal["drop", "keep"] = "drop"
    conflicts: Literal["refuse", "drop"] = "refuse"
    overlap: Literal["refuse", "report"] = "refuse"
    max_pixels: Count = image_decoding.MAX_PIXELS
    split: labelled_images.Split = labelled_images.Split()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    crop = None if options.crop is None else round(options.crop * image_decoding.PER_MILLE)
    reader = image_decoding.Reader(*options.size, options.channels, options.max_pixels, crop)
    rows = read(options, raw, reader)
    return labelled_images.write(
        rows, out, reader, options.split, seed,
        duplicates=options.duplicates, overlap=options.overlap, conflicts=options.conflicts,
        positive=options.positive,
    )  # fmt: skip


def read(options: Options, raw: Path, reader: image_decoding.Reader) -> labelled_images.Pictures:
    kept, skipped = [], 0
    for name, part, label, load in labelled(options.folders, raw):
        try:
            data = load()
            kept.append((reader(data, f"{raw}/{name}"), data, name, label, part))
        except UserError as problem:
            if options.bad_files == "refuse":
                raise UserError(f"{problem}; or set bad_files: skip") from None
            print(f"skipped: {problem}")
            skipped += 1
    if not kept:
        raise UserError(f"{raw}: no readable pictures ({skipped} skipped); see `folders`")
    arrays, files, names, classes, parts = zip(*kept, strict=True)
    labels = validation.classes(raw, classes, options.positive)
    number = {label: n for n, label in enumerate(labels)}
    return labelled_images.Pictures(
        raw, np.stack(arrays), files, names,
        np.array([number[label] for label in classes], np.int32), labels, np.array(parts),
    )  # fmt: skip


def labelled(folders: Folders, raw: Path) -> Iterator[tuple[str, str, str, Callable[[], bytes]]]:
    """(file name, part, class, function that reads it), in the order of the names."""
    seen = dict.fromkeys(folders.parts(), 0)
    for name, load in files(raw):
        path = PurePosixPath(name)
        if any(step.startswith(".") for step in path.parts):
            continue
        for part, folder in folders.parts().items():
            if path.is_relative_to(folder) and len(path.relative_to(folder).parts) > 1:
                seen[part] += 1
                yield name, part, path.relative_to(folder).parts[0], load
                break
    for part, count in seen.items():
        if not count:
            folder = folders.parts()[part]
            raise UserError(f"{raw}: no class folders with files in {str(folder)!r}; see `folders`")


def files(raw: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """(relative name, function that reads it) of every file of a folder or zip file."""
    if raw.is_dir():
        for path in sorted(p for p in raw.rglob("*") if p.is_file()):
            name = path.relative_to(raw).as_posix()
            yield (
                name,
                lambda path=path, name=name: _limited(
                    raw, name, path.stat().st_size, path.read_bytes
                ),
            )
        return
    try:
        archive = zipfile.ZipFile(raw)
    except (zipfile.BadZipFile, OSError):
        raise UserError(f"{raw}: neither a folder nor a whole zip file") from None
    with archive:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            if not entry.is_dir():
                yield (
                    entry.filename,
                    lambda entry=entry: _limited(
                        raw, entry.filename, entry.file_size, lambda: archive.read(entry)
                    ),
                )


def _limited(raw: Path, name: str, size: int, load: Callable[[], bytes]) -> bytes:
    if size > MAX_FILE_BYTES:
        raise UserError(f"{raw}/{name}: {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
    try:
        return load()
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise UserError(f"{raw}/{name}: cannot be read ({error})") from None
