"""Your own captioned images: a table with the path of an image and a caption, and the images.

One row a caption; an image with several rows has several captions, all of which count as right.
Images are JPEG or PNG files, of any size, in a folder or a zip or tar file. All captions of an
image are in one split, as are images of equal pixels. Without a table, a caption is a part of the
file's name (`caption_in_name`), as in data sets of codes and number plates.

Flickr8k (Hodosh, Young and Hockenmaier 2013) is such a table without a header, Flickr8k.token.txt:

    {names: [image, caption], header: false, delimiter: "\\t", quoting: false,
     folder: Flicker8k_Dataset, empty: drop}

of which `#0` to `#4` behind a file's name are left out.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from pipelines import spec
from pipelines.config.errors import UserError
from pipelines.config.schema import Count
from pipelines.preparation import (
    empty_texts,
    file_groups,
    image_captions,
    named_images,
    source_files,
    unpacked_folder,
)
from pipelines.preparation.file_groups import PartOfName
from pipelines.preparation.image_captions import CaptionedImages
from pipelines.preparation.splits import HoldOut, SplitSources
from pipelines.preparation.table_options import TableOptions
from pipelines.preprocessing import image_decoding
from pipelines.preprocessing.image_decoding import Reader

Column = Annotated[str, Field(min_length=1)]


class Options(image_captions.Options, TableOptions):
    """Which columns and files are read.

    Args:
        image: the column of the images' paths.
        caption: the column of the captions.
        caption_in_name: without a table, where the source is a folder or an archive of images: a
            regular expression whose brackets hold the caption in a file's name, "(.+)[.]png".
        header: whether the first row holds names of columns; otherwise give `names`.
        folder: what the paths are relative to, itself relative to the table's folder; or a zip or
            tar file with the images, whose names may then leave out folders.
        files: where the source is a folder, its tables: {train: ..., val: ..., test: ...}, where
            val and test are drawn from train if they are not given; or {all: ...}, to be split
            here.
        empty: refuse | drop rows without a caption, and images without a row.
        max_pixels: larger images are refused before they are decoded.
        split: how many images are val and test, where `files` does not say so.
    """

    image: Column = "image"
    caption: Column = "caption"
    caption_in_name: PartOfName | None = None
    header: bool = True
    folder: str = "."
    files: SplitSources[str] | None = None
    empty: empty_texts.Empty = "refuse"
    max_pixels: Count = image_decoding.MAX_PIXELS
    split: HoldOut = HoldOut()


def prepare(options: Options, raw: Path, out: Path, seed: int) -> spec.DataSpec:
    reader = Reader(*options.size, channels=3, max_pixels=options.max_pixels)
    if options.caption_in_name is None:
        data = read(options, raw, reader)
    else:
        data = read_names(options.caption_in_name, raw, reader)
    return image_captions.write(data, out, reader, options, seed, options.split)


def read(options: Options, raw: Path, reader: Reader) -> CaptionedImages:
    """All rows of the tables, and every image that they name, once.

    Raises:
        UserError: `image-missing`, `caption-empty`, `caption-missing`, an image that cannot be
            read, one that is in two tables.
    """
    columns = {"image": options.image, "caption": options.caption}
    captions: dict[Path, list[str]] = {}
    splits, images, files, names = [], [], [], []
    tables_of = {
        split: raw if name is None else source_files.member(raw, name)
        for split, name in source_files.by_split(raw, options.files).items()
    }
    with named_images.images_of(next(iter(tables_of.values())), options.folder) as present:
        for split, path in tables_of.items():
            table = options.table(path, header=options.header)
            rows = empty_texts.complete_rows(table, columns, options.empty)
            earlier = set(captions)
            for line, (image, caption) in rows:
                file = present.path(image, path, line, options.image)
                if file in earlier:
                    raise UserError(
                        "split-overlap",
                        "this image is also in the table of another split; caption it in one of "
                        "them", path=path, line=line, key=options.image, value=image,
                    )  # fmt: skip
                if file not in captions:
                    files.append(file.read_bytes())
                    images.append(reader(files[-1], present.name(file)))
                    names.append(file.relative_to(present.folder).as_posix())
                    splits.append(split)
                on_one_line = " ".join(caption.split())
                captions.setdefault(file, []).append(on_one_line)
        _settle_uncaptioned(present, set(captions), options.empty)
    return CaptionedImages(raw, images, files, names, np.array(splits), list(captions.values()))


def read_names(pattern: str, raw: Path, reader: Reader) -> CaptionedImages:
    """All images of a folder or archive, with the captions in their names.

    Raises:
        UserError: `rows-missing`, `name-unmatched`, an image that cannot be read.
    """
    with unpacked_folder.folder_of(raw) as folder:
        present = named_images.NamedImages(folder, raw)
        paths = present.paths()
        if not paths:
            raise UserError(
                "rows-missing", "no JPEG or PNG files; give a folder or an archive with images",
                path=raw,
            )  # fmt: skip
        names = [path.relative_to(folder).as_posix() for path in paths]
        captions = [
            [file_groups.part_of_name(raw, name, pattern, "caption_in_name")] for name in names
        ]
        files = [path.read_bytes() for path in paths]
    images = [
        reader(data, str(raw / name)) for data, name in zip(files, names, strict=True)
    ]  # fmt: skip
    return CaptionedImages(raw, images, files, names, np.full(len(names), ""), captions)


def _settle_uncaptioned(
    present: named_images.NamedImages, captioned: set[Path], option: empty_texts.Empty
) -> None:
    """Refuses images beside the others that no row names, or prints how many are left out."""
    beside = {path.parent for path in captioned}
    others = [path for path in present.paths(beside) if path not in captioned]
    if not others:
        return
    count, first = len(others), present.name(others[0])
    if option == "refuse":
        raise UserError(
            "caption-missing",
            f"no row has this image; {count} have none in all; add rows, remove the images, or set "
            "empty: drop",
            path=first, key="empty", value=count,
        )  # fmt: skip
    print(f"{present.shown}: {count} images without a caption left out, the first is {first}")
