"""Images that a table names: their paths, in a folder or an archive, and what if there are none."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.config.errors import UserError, one_of
from pipelines.preparation import unpacked_folder

MAX_LISTED = 20  # files in an error
ENDINGS = (".jpg", ".jpeg", ".png")
NUMBERED = re.compile(r"#\d+$")  # in Flickr8k's list: 10815824_2997e03d76.jpg#0


class NamedImages:
    """The images below a folder.

    Args:
        folder: where they are.
        shown: the folder or archive as the user knows it.
    """

    def __init__(self, folder: Path, shown: Path):
        self.folder, self.shown = folder, shown
        self.by_last_part: dict[str, Path] = {}
        if folder != shown:  # an archive often has all of its files in a folder
            self.by_last_part = {path.name: path for path in self.paths()}

    def paths(self, folders: Collection[Path] = ()) -> list[Path]:
        """Of all images, or of those in some folders, in alphabetical order."""
        files = (path for folder in folders for path in folder.iterdir())
        images = (
            path
            for path in (files if folders else self.folder.rglob("*"))
            if path.suffix.casefold() in ENDINGS and not path.name.startswith(".")
        )
        return sorted(path for path in images if path.is_file())

    def path(self, name: str, table: Path, line: int, column: str) -> Path:
        """The file that a cell names.

        Args:
            name: the cell: relative to the folder, or in an archive also the last part alone. A
                number behind it, as in "dog.jpg#0", is left out.
            table, line, column: of the cell, for the error.

        Raises:
            UserError: `image-missing`.
        """
        plain = NUMBERED.sub("", name)
        for file in (self.folder / name, self.folder / plain, self.by_last_part.get(plain)):
            if file is not None and file.is_file():
                return file
        here = (self.folder / plain).parent
        present = sorted(path.name for path in here.glob("*")) if here.is_dir() else []
        place = self.shown / plain
        accepted = (
            one_of(place.name, present[:MAX_LISTED]) if present else f"there is no {place.parent}"
        )
        raise UserError(
            "image-missing",
            f"no file {place}; {accepted}; correct the path, or set `folder` to what paths are "
            "relative to",
            path=table, line=line, key=column, value=name,
        )  # fmt: skip

    def name(self, path: Path) -> str:
        """A path as the user knows it, for errors."""
        return str(self.shown / path.relative_to(self.folder))


@contextmanager
def images_of(table: Path, folder: str) -> Iterator[NamedImages]:
    """The images in a folder or an archive, relative to the table's folder."""
    shown = table.parent / folder
    with unpacked_folder.folder_of(shown) as unpacked:
        yield NamedImages(unpacked, shown)
