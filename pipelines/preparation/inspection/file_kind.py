"""What kind of file it is, by its first bytes, and in which encoding its text is."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from pipelines.config.errors import UserError
from pipelines.preparation import text_files
from pipelines.preparation.inspection.questions import Answers, Question, Reading

HEAD_BYTES = 4096
MAGIC = (
    (b"PAR1", "parquet"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gzip"),
    (b"\xd0\xcf\x11\xe0", "xls"), (b"%PDF", "pdf"), (b"\xff\xd8\xff", "image"),
    (b"\x89PNG", "image"), (b"GIF8", "image"), (b"BM", "image"), (b"II*\0", "image"),
    (b"SQLite format 3", "sqlite"), (b"\x93NUMPY", "numpy"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"),
    (b"RIFF", "media"), (b"ID3", "media"), (b"OggS", "media"), (b"fLaC", "media"),
)  # fmt: skip
REMEDIES = {
    "xls": "open it in a spreadsheet and save it as xlsx or CSV",
    "ods": "open it in a spreadsheet and save it as xlsx or CSV",
    "pdf": "export the table or texts from where the PDF was made, as CSV",
    "sqlite": "export one table as CSV: sqlite3 -header -csv FILE 'select * from TABLE'",
    "numpy": "save it as CSV or Parquet with named columns",
    "media": "sounds and videos are not read; give a table, texts, images or sentence pairs",
    "image": "give the folder that holds one folder of images a class",
    "bzip2": "unpack it first: bunzip2 -k FILE",
    "xz": "unpack it first, or pack the folder as a zip",
    "binary": "give a CSV, TSV, xlsx or Parquet file, a zip or a folder",
}
# Letters and marks of Western European text in Windows-1252.
WESTERN = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸƒ]")
MARKS = "’‘´`·-'"


def kind(path: Path) -> str:
    """folder, text, zip, xlsx, ods, parquet, gzip ... or binary."""
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise UserError("file-missing", "no such file or folder; give one that exists", path=path)
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head.strip():
        raise UserError("file-empty", "the file is empty; give one with rows", path=path)
    name = next((name for magic, name in MAGIC if head.startswith(magic)), None)
    if name == "zip":
        return _zip_kind(path)
    if name is not None and not (name == "image" and head[:2] == b"BM" and b"\0" not in head):
        return name
    utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if re.match(rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*"', head):
        return "json"
    return "binary" if b"\0" in head and not utf16 else "text"


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "mimetype" in names:
                with archive.open("mimetype") as stream:
                    if b"opendocument" in stream.read(HEAD_BYTES):
                        return "ods"
    except (zipfile.BadZipFile, OSError) as error:
        message = f"not a whole zip file ({error}); fetch it again"
        raise UserError("archive-damaged", message, path=path) from None
    return "xlsx" if "xl/workbook.xml" in names else "zip"


def refuse(path: Path, name: str) -> UserError:
    """The error for a kind that is not read, with its remedy."""
    remedy = REMEDIES.get(name, REMEDIES["binary"])
    return UserError("kind-unsupported", f"a file of kind {name}; {remedy}", path=path, value=name)


@dataclass(frozen=True)
class Text:
    """A decoded file. encoding: Python's name. reason: what speaks for it."""

    text: str
    encoding: str
    reason: str


def decode(path: Path, answers: Answers) -> Text:
    """The text of a file in the encoding that it shows, or that was given or asked."""
    data = text_files.contents(path)
    given = answers.get("encoding")
    if given is not None:
        return Text(text_files.decode(path, data, given), given, "given")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Text(text_files.decode(path, data, "utf-16"), "utf-16", "it begins with its mark")
    try:
        data.decode("utf-8")
        reason = "all bytes are ASCII" if data.isascii() else "every byte is valid UTF-8"
        return Text(text_files.decode(path, data, "utf-8"), "utf-8", reason)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
    if _is_western(data):
        text = text_files.decode(path, data, "cp1252")
        return Text(text, "cp1252", f"line {line} is not UTF-8; all letters are Western European")
    encoding = _asked(path, data, line, answers)
    return Text(text_files.decode(path, data, encoding), encoding, "chosen among readings")


def _is_western(data: bytes) -> bool:
    """Whether Windows-1252 gives accented letters among plain ones, and marks between words."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return False
    letters = len(re.findall("[A-Za-z]", text))
    accented = len(WESTERN.findall(text))
    inside = re.findall(r"(?<=[A-Za-z])([^\x00-\x7f])(?=[A-Za-z])", text)
    odd = [mark for mark in inside if not WESTERN.match(mark) and mark not in MARKS]
    # Other alphabets give whole words of accented letters; Western words have two in a row at most.
    other_alphabet = re.search(f"{WESTERN.pattern}{{3}}", text)
    return not odd and not other_alphabet and accented <= 0.3 * (letters + accented)


def _asked(path: Path, data: bytes, line: int, answers: Answers) -> str:
    raw = data.splitlines()[line - 1]
    names = dict.fromkeys(match.encoding for match in from_bytes(data))
    readings = {}
    for name in [*names, "cp1252", "cp1250", "cp1251"]:
        try:
            data.decode(name)
            readings.setdefault(raw.decode(name).strip()[:60], name)
        except (UnicodeDecodeError, LookupError):
            continue
    shown = [Reading(name, text) for text, name in list(readings.items())[:5]]
    if not shown:
        message = "in no encoding that is known; save it as UTF-8"
        raise UserError("encoding-unknown", message, path=path, line=line)
    message = "not UTF-8, and several encodings give text"
    return answers.settle(Question("encoding", message, shown, path, line))
