"""Archives that lie about their sizes are unpacked as far as they may be, and not into memory."""

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile

import pytest

from pipelines.preparation import archives
from tests.support.user_errors import user_error

ACTUAL, DECLARED, LIMIT = 200 << 20, 1000, 1 << 20
MAX_MEMORY = 16 << 20  # beside 200 MB that a file would unpack to


@pytest.fixture(autouse=True)
def memory():
    """The most that a test may take at any time, and a peak that it can look at."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MAX_MEMORY


def lying_zip(path):
    """One member of ACTUAL zeros, of which both headers declare DECLARED."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.txt", "w") as stream,
    ):
        for _ in range(ACTUAL >> 20):
            stream.write(bytes(1 << 20))
    data = path.read_bytes()
    assert data.count(struct.pack("<I", ACTUAL)) >= 1
    path.write_bytes(data.replace(struct.pack("<I", ACTUAL), struct.pack("<I", DECLARED)))
    return path


def test_a_zip_that_declares_less_than_it_holds_is_damaged(tmp_path):
    path = lying_zip(tmp_path / "a.zip")
    with user_error("archive-damaged"):
        list(archives.files(path, lambda name: True, LIMIT))
    with user_error("archive-damaged"):
        list(archives.blocks(path, "a.txt", LIMIT))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_unpacked_in_pieces_are_refused(tmp_path, method):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.txt", b"content")
    tracemalloc.reset_peak()  # packing takes more
    with user_error("archive-compression", value="a.txt"):
        list(archives.files(path, lambda name: True, LIMIT))
    with user_error("archive-compression", value="a.txt"):
        list(archives.blocks(path, "a.txt", LIMIT))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_honest_zip_is_read(tmp_path, method):
    content = bytes(range(256)) * 1000
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a.txt", content)
    assert list(archives.files(tmp_path / "a.zip", lambda name: True, LIMIT)) == [
        ("a.txt", content)
    ]


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_tar_with_a_header_of_many_megabytes_is_damaged(tmp_path, kind):
    header = tarfile.TarInfo("name")
    header.type, header.size = kind, ACTUAL
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb", 1) as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(ACTUAL >> 20):
            stream.write(bytes(1 << 20))
    with user_error("archive-damaged"):
        list(archives.files(path, lambda name: True, LIMIT))
    with user_error("archive-damaged"):
        list(archives.names(path))


def test_long_names_in_a_tar_are_read(tmp_path):
    name, content = "/".join(["folder"] * 30), b"content"
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    assert list(archives.files(tmp_path / "a.tar", lambda name: True, LIMIT)) == [(name, content)]
