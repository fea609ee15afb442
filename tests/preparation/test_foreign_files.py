"""Files of other programs given for a text or a table are named with what helps."""

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from pipelines.config.errors import UserError
from pipelines.preparation import tables, text_files
from tests.support.user_errors import user_error

pytestmark = pytest.mark.usefixtures("empty_folder")
FRAME = pd.DataFrame({"text": ["one", "two"], "label": ["a", "b"]})


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    FRAME.to_parquet(stream)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        (parquet(), "a Parquet file"),
        (zipped("mimetype", "content.xml"), "an OpenDocument file"),
        (zipped("word/document.xml"), "a Word document"),
        (zipped("a.csv"), "unzip FILE"),
        (b"PK\x03\x04broken", "download it again"),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "an old Microsoft Office"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_text_is_named(data, words, encoding):
    Path("a.csv").write_bytes(data)
    with user_error("file-kind", path="a.csv"):
        tables.read(Path("a.csv"), encoding, ",")
    with pytest.raises(UserError, match=words):
        text_files.read(Path("a.csv"), encoding)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"text": "a", "label": "b"}\n', "json"),
        ('[\n  {"text": "a"}]', "json"),
        ("<!DOCTYPE html>\n<html>", "html"),
        ("\n<html lang=en>", "html"),
    ],
)
def test_json_and_web_pages_are_no_tables(text, value):
    Path("a.csv").write_text(text)
    with user_error("file-kind", path="a.csv", value=value):
        tables.read(Path("a.csv"), "utf-8", ",")


def test_a_gzip_file_of_another_name_is_read():
    Path("a.csv").write_bytes(gzip.compress(b"text,label\none,a\n"))
    assert tables.read(Path("a.csv"), "utf-8", ",").rows == [(2, ["one", "a"])]
