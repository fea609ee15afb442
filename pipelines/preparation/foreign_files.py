"""Files of other programs given for a text, by their first bytes, with what helps."""

import io
import re
import zipfile
from pathlib import Path

from pipelines.config.errors import UserError

_INIT = "run `python -m pipelines init FILE`, which writes a CSV file of it"
_SAVE = "open it in a spreadsheet and save it as `CSV UTF-8`"
_UNPACK = "unpack it and give the file inside"
_EXPORT = "export the texts from where it was made, as plain text or CSV"
MAGIC = (
    (b"PAR1", "a Parquet file", _INIT),
    (b"\xd0\xcf\x11\xe0", "a file of an old Microsoft Office", f"{_SAVE} or plain text"),
    (b"%PDF-", "a PDF file", _EXPORT),
    (b"{\\rtf", "a rich text file", "save it as plain text"),
    (b"SQLite format 3\0", "an SQLite database",
     "export a table: sqlite3 -header -csv FILE 'select * from TABLE'"),
    (b"BZh", "a bzip2 file", _UNPACK), (b"\xfd7zXZ", "an xz file", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK), (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", _UNPACK), (b"\x1f\x8b", "a gzip file", _UNPACK),
    (b"ARROW1", "an Arrow or Feather file", "write it as CSV with pandas"),
    (b"\x89HDF\r\n", "an HDF5 file", "write it as CSV with pandas"),
    (b"\x93NUMPY", "a NumPy array", "write it as CSV with numpy.savetxt"),
    (b"\x89PNG", "an image", "use the recipe image_folder"),
    (b"\xff\xd8\xff", "an image", "use the recipe image_folder"),
    (b"GIF8", "an image", "use the recipe image_folder, with JPEG or PNG files"),
)  # fmt: skip
# What is in a zip file of a program -> what it is and what helps.
ZIP_MEMBERS = {
    "xl/workbook.xml": ("an Excel workbook", f"{_SAVE}, or {_INIT}"),
    "xl/workbook.bin": ("a binary Excel workbook", _SAVE),
    "word/document.xml": ("a Word document", "save it as plain text"),
    "ppt/presentation.xml": ("a presentation", _EXPORT),
    "Index/Document.iwa": ("a document of Apple's Numbers or Pages", "export it as CSV or text"),
    "content.xml": ("an OpenDocument file", f"{_SAVE} or plain text"),
}
_JSON = re.compile(r'\s*(?:\[\s*)?\{\s*"')
_MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)


def kind_of(data: bytes) -> tuple[str, str] | None:
    """(what a file of another program is, what helps) by its first bytes."""
    return next(((name, cure) for magic, name, cure in MAGIC if data.startswith(magic)), None)


def refuse(path: Path | str, data: bytes) -> None:
    """Refuses what is no text, `file-kind`.

    Args:
        path: for the error.
        data: the file's contents.
    """
    kind = _zip_kind(data) if data.startswith(b"PK\x03\x04") else None
    for magic, name, cure in MAGIC:
        if data.startswith(magic) and (magic != b"PAR1" or data.endswith(magic)):
            kind = kind or (name, cure)
    if kind:
        name, cure = kind
        raise UserError(
            "file-kind", f"{name}, not a text; {cure}", path=path, value=data[:4].hex(" ")
        )


def refuse_markup(path: Path, text: str) -> None:
    """Refuses JSON, HTML and XML given for a table."""
    if _JSON.match(text):
        raise UserError("file-kind", f"JSON, not a table; {_INIT}", path=path, value="json")
    if _MARKUP.match(text):
        raise UserError(
            "file-kind",
            "a web page or XML, not a table: was a login page saved? Download the file itself",
            path=path, value="html",
        )  # fmt: skip


def _zip_kind(data: bytes) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        return "a damaged zip archive", "download it again"
    kinds = (kind for member, kind in ZIP_MEMBERS.items() if member in names)
    return next(kinds, ("a zip archive", f"{_UNPACK}: unzip FILE"))
