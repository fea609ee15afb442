"""Requests from folders and archives: a file is a row."""

import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.commands.prediction.rows import BadRow, Request
from pipelines.config.errors import UserError
from pipelines.preparation import folder_listing, text_files
from pipelines.preparation.folder_names import is_passed_over, printable
from pipelines.preprocessing import image_decoding, image_kinds

MAX_FILE_BYTES = 1 << 26
BINARY = ("image", "video", "audio")  # kinds of inputs that are a file's bytes


class Files:
    """Every file of a folder, a zip or tar archive, or one file; hidden ones are passed over.

    Args:
        path: the folder, archive or file.
        inputs: of the signature; one, of kind text, image, video or audio.
        options: of the recipe: the encoding of texts.
    """

    names = ("file",)

    def __init__(self, path: Path, inputs: Mapping[str, Mapping], options: Any):
        self.path = path
        ((self.input, tensor),) = inputs.items()
        self.kind = tensor["kind"]
        self.encoding = getattr(options, "encoding", "utf-8")
        what = f"text, {self.encoding}" if self.kind == "text" else self.kind
        self.description = f"one {what} a file"

    def requests(self) -> Iterator[Request | BadRow]:
        for name, load in self._members():
            try:
                content = self._content(load())
            except UserError as error:
                yield BadRow(name, error.message.partition(";")[0])
            except ValueError as error:
                yield BadRow(name, str(error))
            else:
                yield Request(name, {self.input: content}, {"file": name})

    def _members(self) -> Iterator[tuple[str, Any]]:
        if self.path.is_file() and not is_archive(self.path):
            yield self.path.name, self.path.read_bytes
            return
        members = folder_listing.members(self.path, _is_read, MAX_FILE_BYTES)
        yield from ((printable(name), load) for name, load in members if load and _is_read(name))

    def _content(self, data: bytes) -> bytes | str:
        if self.kind == "text":
            return text_files.decode(self.path, data, self.encoding).strip()
        if self.kind == "image":
            return image(data)
        if not data:
            raise ValueError("the file is empty")
        return data


def image(data: bytes) -> bytes:
    """The bytes of a file that begins as an image does.

    Raises:
        ValueError: it does not.
    """
    if not data.startswith((image_decoding.PNG, image_decoding.JPEG)):
        raise ValueError(image_kinds.refusal(data).partition(":")[0])
    return data


def is_archive(path: Path) -> bool:
    return path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


def _is_read(name: str) -> bool:
    return not is_passed_over(name)
